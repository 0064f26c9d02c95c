"""What clients notice of rebuilds and roll backs: errors, empty answers, waiting (needs `-m bench -s`).

Two server processes serve one index of the real library. Two clients ask all the time, one at each, while the whole
library is read and embedded anew, while the index goes back and forth, and while small changes are built. To save time,
START_INDEX in the environment names an index of the library to begin with (a copy is used), and EMBED_EVERY=8 embeds
every eighth passage only, on top of reading all files.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from study_bot.accounts.roles import SYSTEM
from study_bot.documents.build_requests import Builds
from study_bot.documents.build_rows import Build, BuildState
from study_bot.index.store import SnapshotStore
from study_bot.settings import Settings
from study_bot.storage.database import open_database
from tests.support import PROJECT_ROOT, requires_shared

pytestmark = pytest.mark.bench

ROLL_BACKS, SMALL_CHANGES = 12, 6

CALM_S = 40.0

QUESTIONS = (
    "监察法第二十二条是什么？",
    "党章规定党员有哪些义务？",
    "刑法第二百六十四条的内容是什么？",
    "醉酒驾驶机动车怎么处罚？",
    "治安管理处罚法对殴打他人怎么处罚？",
    "人民警察有哪些纪律？",
    "行政处罚的追诉时效是多久？",
    "民法典第一千一百六十五条",
    "党员受到留党察看处分有什么后果？",
    "什么情形可以先行拘留？",
    "询问查证的时间不得超过多长？",
    "道路交通安全法第九十一条第二款",
)

# While there is a file `full` beside the library, everything is read anew, and every Nth passage embedded anew.
_CHILD = """
import functools, sys
from pathlib import Path
from study_bot.documents import build_child
from study_bot.index import builder

class Forgetful:
    def __init__(self, cache):
        self.put_many = cache.put_many
        self._get_many = cache.get_many

    def get_many(self, model, keys):
        return without_some(self._get_many(model, keys))

def without_some(vectors):
    return {key: vector for key, vector in vectors.items() if int(key[:6], 16) % int(sys.argv[2])}

embed = builder.embed

def embed_some(texts, hashes, encoder, cache, previous, monitor, full):
    return embed(texts, hashes, encoder, Forgetful(cache), lambda: without_some(previous()), monitor)

if Path(sys.argv[1]).exists():
    builder.embed = embed_some
    builder.build_index = functools.partial(builder.build_index, full=True)
build_child.main()
"""

_SERVER = """
import os, sys
from dataclasses import dataclass
from pathlib import Path
from study_bot.documents.build_runner import BuildRunner
from study_bot.server.app import run_server
from study_bot.services import build_services
from study_bot.settings import Settings
from study_bot.storage.database import open_database

@dataclass
class Library:
    path: Path
    revision: int = 1
    is_empty: bool = False

folder, child = Path(sys.argv[1]), sys.argv[2]
settings = Settings(index_dir=folder / "index", data_dir=folder / "data", sign_in="off")
database = open_database("", settings.data_dir)
command = (sys.executable, "-W", "ignore", "-c", child, str(folder / "full"), sys.argv[3])
runner = BuildRunner(database, settings, lambda: Library(folder / "good"), command)
runner.start()
run_server(build_services(settings), "127.0.0.1", 0)
runner.stop()
"""


@dataclass
class Asked:
    """One question put over HTTP; `trouble` is "" if it was answered. Times in seconds."""

    at: float
    took: float
    build_id: str
    trouble: str


@dataclass
class Client:
    """Asks one server, one question after the other."""

    url: str
    questions: tuple[str, ...]
    asked: list[Asked] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        number = 0
        with httpx.Client(base_url=self.url, timeout=120) as http:
            while not stop.is_set():
                self.asked.append(ask(http, self.questions[number % len(self.questions)]))
                number += 1

    def builds(self) -> list[str]:
        """The builds that answered, in the order in which they did so."""
        ids = [one.build_id for one in self.asked if not one.trouble]
        return [build_id for n, build_id in enumerate(ids) if n == 0 or ids[n - 1] != build_id]


def ask(http: httpx.Client, question: str) -> Asked:
    started = time.monotonic()
    try:
        response = http.post("/api/v1/ask", json={"question": question})
    except httpx.HTTPError as error:
        return Asked(started, time.monotonic() - started, "", repr(error))
    took = time.monotonic() - started
    if response.status_code != 200:
        return Asked(started, took, "", f"status {response.status_code}")
    data = response.json()
    empty = data["refused"] or not data["answer"].strip() or not data["citations"]
    return Asked(started, took, data["build_id"], f"empty: {question}" if empty else "")


class Site:
    """The library, its index, two servers."""

    def __init__(self, folder: Path, library: Path) -> None:
        self.folder = folder
        self.library = folder / "good"
        shutil.copytree(library, self.library)
        self.settings = Settings(index_dir=folder / "index", data_dir=folder / "data")
        if start := os.environ.get("START_INDEX"):
            shutil.copytree(start, self.settings.index_dir)
        self.database = open_database("", self.settings.data_dir)
        self.builds = Builds(self.database, self.settings)
        self._servers = [self._start() for _ in range(2)]
        self.urls = [self._url(server) for server in self._servers]

    def _start(self) -> subprocess.Popen[str]:
        part = os.environ.get("EMBED_EVERY", "1")
        command = [sys.executable, "-c", _SERVER, str(self.folder), _CHILD, part]
        return subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True)

    @staticmethod
    def _url(server: subprocess.Popen[str]) -> str:
        assert server.stdout is not None
        return server.stdout.readline().split("：")[1].split("（")[0]

    def build(self) -> Build:
        """Ask for a build and wait for its end."""
        number = self.builds.request(SYSTEM).id
        while not (build := self.builds.get(number)).state.is_final:
            time.sleep(0.1)
        assert build.state is BuildState.DONE, build.error
        return build

    def close(self) -> None:
        for server in self._servers:
            server.terminate()
        for server in self._servers:
            server.communicate()
        self.database.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = Site(tmp_path, requires_shared("data", "library", "good"))
    yield opened
    opened.close()


def say(line: str) -> None:
    sys.stdout.write(f"\n{line}")
    sys.stdout.flush()


def test_what_clients_notice(site: Site) -> None:
    site.build()
    with httpx.Client(base_url=site.urls[0], timeout=120) as http:
        questions = tuple(question for question in QUESTIONS if not ask(http, question).trouble)
        for url in site.urls[1:]:
            httpx.post(f"{url}/api/v1/ask", json={"question": questions[0]}, timeout=120)
    say(f"{len(questions)} of {len(QUESTIONS)} questions are answered from the library")
    clients = [Client(url, questions) for url in site.urls]
    stop = threading.Event()
    threads = [threading.Thread(target=client.run, args=(stop,)) for client in clients]
    for thread in threads:
        thread.start()
    phases: list[tuple[str, float, float]] = []
    try:
        for name, work in (
            ("calm", lambda: time.sleep(CALM_S)),
            ("whole library anew", lambda: build_everything(site)),
            ("back and forth", lambda: back_and_forth(site)),
            ("small changes", lambda: small_changes(site)),
            ("calm again", lambda: time.sleep(CALM_S)),
        ):
            started = time.monotonic()
            work()
            phases.append((name, started, time.monotonic()))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    report(clients, phases)
    everything = [one for client in clients for one in client.asked]
    assert [one.trouble for one in everything if one.trouble] == []
    for client in clients:
        assert client.builds()[-1] == SnapshotStore(site.settings.index_dir).peek()


def build_everything(site: Site) -> None:
    marker = site.folder / "full"
    marker.touch()
    done = site.build()
    marker.unlink()
    assert done.summary is not None and done.started_at is not None and done.ended_at is not None
    seconds = (done.ended_at - done.started_at).total_seconds()
    say(f"whole library: {done.summary.files} files, {done.summary.embedded} passages embedded in {seconds:.0f} s")


def back_and_forth(site: Site) -> None:
    for _ in range(ROLL_BACKS):
        site.builds.roll_back(SYSTEM, site.builds.earlier()[0].build_id)
        time.sleep(2)


def small_changes(site: Site) -> None:
    for number in range(SMALL_CHANGES):
        text = f"第{number}次值班安排\n值班人员第{number}次交接时应当登记来访人员，并在手册第{number}页签名。"
        (site.library / "值班安排.txt").write_text(text, encoding="utf-8")
        site.build()
        time.sleep(1)


def report(clients: list[Client], phases: list[tuple[str, float, float]]) -> None:
    everything = [one for client in clients for one in client.asked]
    calm = 0.0
    for name, start, end in phases:
        took = sorted(one.took for one in everything if start <= one.at < end)
        trouble = Counter(one.trouble.split(":")[0] for one in everything if one.trouble and start <= one.at < end)
        median, late = statistics.median(took), took[int(len(took) * 0.95)]
        calm = calm or median
        say(
            f"{name}: {len(took)} questions in {end - start:.0f} s, trouble {dict(trouble) or 'none'}, "
            f"median {1000 * median:.0f} ms ({median / calm:.2f} times calm), 95 % within {1000 * late:.0f} ms, "
            f"longest {1000 * took[-1]:.0f} ms"
        )
    for client in clients:
        say(f"{client.url}: {len(client.asked)} questions, answered from {len(client.builds())} builds in turn")
    say("")
