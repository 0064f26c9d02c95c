"""The command as a process of its own: start-up, exit codes, signals, pipes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from study_bot.cli.reference import reference
from tests.support import PROJECT_ROOT

HEAVY = ("torch", "transformers", "sentence_transformers", "gradio", "faiss", "langchain_core", "numpy", "bm25s")

# A main with fake services, to be started by another interpreter.
FAKE_MAIN = """
import sys
sys.path.insert(0, {root!r})
from study_bot.cli.common import State
from study_bot.cli import main as module
from tests.cli.fake_services import FakeServices
{more}
module.State = lambda: State(build_services={services})
sys.exit(module.main())
"""


def _run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "study_bot.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]


def _fake(*arguments: str, services: str = "FakeServices", more: str = "") -> list[str]:
    code = FAKE_MAIN.format(root=str(PROJECT_ROOT), services=services, more=more)
    return [sys.executable, "-c", code, *arguments]


@pytest.mark.parametrize(
    "arguments", [["-h"], ["index", "build", "-h"], ["ask", "-h"], ["serve", "-h"], ["eval", "-h"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import json, sys\n"
        "from study_bot.cli.main import main\n"
        f"code = main({arguments!r})\n"
        "sys.stderr.write(json.dumps([code, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    exit_code, modules = json.loads(done.stderr)
    assert exit_code == 0
    assert done.stdout.startswith("用法：")
    assert not set(HEAVY) & set(modules)


def test_help_takes_less_than_a_second_of_computing() -> None:
    """Processor time, so that whatever else the machine does has no part in it."""

    def seconds() -> float:
        before = os.times()
        assert _run("-h").returncode == 0
        after = os.times()
        return after.children_user - before.children_user + after.children_system - before.children_system

    assert min(seconds() for _ in range(3)) < 1


def test_every_help_page_is_chinese_and_in_the_reference() -> None:
    text = reference()
    for command in ("index build", "index status", "index rollback", "search", "ask", "eval retrieval", "eval answers"):
        assert f"## study-bot {command}\n" in text
    for english in ("Usage", "Options", "Commands", "Arguments", "default:", "required", "Show this"):
        assert english not in text


def test_written_reference_is_up_to_date() -> None:
    written = (PROJECT_ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == reference(), "the help has changed; run `make docs`"


def test_installed_command_reports_its_version() -> None:
    command = Path(sys.executable).with_name("study-bot")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("study-bot ")


def test_no_index_is_exit_code_3_in_one_line(tmp_path: Path) -> None:
    for arguments in (["index", "status"], ["index", "rollback"]):
        done = _run(*arguments, "--index", str(tmp_path / "nothing here"))
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)


def test_wrong_arguments_are_exit_code_2() -> None:
    done = _run("index", "build", "--no-such")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "错误：没有选项 --no-such。（加 -h 查看用法）\n"


def test_without_arguments_the_help_comes_on_standard_error() -> None:
    done = _run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "命令：\n  index" in done.stderr


def test_reader_that_leaves_early_is_no_error() -> None:
    """`study-bot search … | head -0` ends without complaint."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        _fake("search", "值班", "--json"), stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 1


def test_defect_is_one_line_unless_debugging() -> None:
    services = "lambda settings: 1 / 0"
    plain = subprocess.run(
        _fake("search", "值班", services=services), capture_output=True, text=True, timeout=60, check=False
    )
    assert plain.returncode == 1
    assert plain.stderr.startswith("错误：程序内部出错（ZeroDivisionError: division by zero）")
    assert plain.stderr.count("\n") == 1
    debug = subprocess.run(
        _fake("--debug", "search", "值班", services=services), capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" in debug.stderr


@pytest.mark.parametrize("arguments", [("search", "值班"), ("index", "build", "--source", "x")])
def test_interrupted_process_ends_with_130(arguments: tuple[str, ...]) -> None:
    more = (
        # Whoever runs the tests in the background ignores the signal, and so would what they start.
        "import signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def wait(settings):\n"
        "    services = FakeServices(settings)\n"
        "    def sleep(*a, **k):\n"
        "        sys.stdout.write('ready\\n'); sys.stdout.flush()\n"
        "        time.sleep(0.5)\n"
        "    services.during_build = sleep\n"
        "    if 'search' in sys.argv: services.search = lambda *a, **k: time.sleep(30) if sleep() is None else None\n"
        "    return services\n"
    )
    process = subprocess.Popen(
        _fake(*arguments, services="wait", more=more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "停止" in errors


def test_json_is_utf8_and_text_is_what_the_terminal_speaks() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "gb18030"}

    def output(*arguments: str) -> bytes:
        return subprocess.run(_fake(*arguments), capture_output=True, timeout=60, check=True, env=environment).stdout

    assert json.loads(output("search", "值班", "--json").decode("utf-8"))["query"] == "值班"
    assert output("search", "值班").decode("gb18030").startswith("1. ")
