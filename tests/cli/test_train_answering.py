"""`study-bot train reader` and `train gate` over real services and a tiny sentence-transformers model."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from study_bot.answering.confidence import load_gate
from study_bot.answering.learned import packaged
from study_bot.answering.reader import UNIT_FEATURES, load_reader
from study_bot.services import build_services
from tests.cli.conftest import Program, Result
from tests.index.model_samples import save_static_model

DATE = "2026-03-01"
ITEMS = ("门窗", "水电", "钥匙", "登记", "值班", "人员", "检查", "拘留", "罚款", "规定")
DAYS = "一二三四五六七八九十"


def texts() -> dict[str, str]:
    """Ninety short texts: which item is looked after, beside which, on which day."""
    made = {}
    for number, (one, other) in enumerate(itertools.permutations(ITEMS, 2)):
        day = DAYS[number % 10]
        made[f"r{number}"] = (
            f"检查{other}以后再看{one}。管理{one}与{other}的人员在第{day}日{one[0]}{other[1]}完成登记。其他事项另有规定。"
        )
    return made


def write_set(folder: Path, questions: list[dict[str, object]], golds: dict[str, str]) -> None:
    (folder / "qrels").mkdir(parents=True)
    _write_lines(folder / "corpus.jsonl", [{"_id": i, "title": "", "text": t} for i, t in texts().items()])
    _write_lines(folder / "queries.jsonl", questions)
    lines = "".join(f"{question}\t{gold}\t1\n" for question, gold in golds.items())
    (folder / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\n" + lines, encoding="utf-8")


def _write_lines(path: Path, records: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")


def ask_all(count: int = 90) -> tuple[list[dict[str, object]], dict[str, str]]:
    """A question about each text in its own words, with its answer."""
    questions: list[dict[str, object]] = []
    golds = {}
    for (key, text), (one, other) in list(zip(texts().items(), itertools.permutations(ITEMS, 2), strict=True))[:count]:
        answer = text.split("在")[1].split(one[0])[0]
        questions.append(
            {"_id": f"q{key}", "text": f"管理{one}与{other}的人员在哪一日完成登记？", "metadata": {"answer": answer}}
        )
        golds[f"q{key}"] = key
    return questions, golds


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and sets about the same ninety texts: all asked about, few, without answers, about something else."""
    folder = tmp_path_factory.mktemp("world")
    save_static_model(folder / "model")
    write_set(folder / "asked", *ask_all())
    write_set(folder / "few", *ask_all(20))
    questions, golds = ask_all()
    write_set(folder / "bare", [{"_id": q["_id"], "text": q["text"]} for q in questions], golds)
    away = [{"_id": f"f{n}", "text": f"鲸鱼第{n}次睡眠在哪片海里？"} for n in range(60)]
    write_set(folder / "away", away, {str(q["_id"]): "r0" for q in away})
    marked = [{"_id": f"x{n}", "text": f"食堂第{n}天供应什么菜？", "metadata": {"refuse": True}} for n in range(20)]
    write_set(folder / "marked", [*questions, *marked], golds)
    return folder


@pytest.fixture
def real(program: Program, world: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program over the model of `world`, with the corpus indexed."""
    monkeypatch.setenv("STUDY_BOT_EMBEDDING_MODEL", str(world / "model"))
    program.build_services = build_services
    if not (world / "index").is_dir():
        source = str(world / "asked/corpus.jsonl")
        built = program("index", "build", "--source", source, "--index", str(world / "index"))
        assert built.code == 0, built.err
    return program


def train(program: Program, world: Path, kind: str, out: Path, data: str, *more: str) -> Result:
    index = str(world / "index")
    return program(
        "train", kind, "--data", str(world / data), "--index", index, "--out", str(out), "--date", DATE, *more
    )


def test_a_reader_is_learned_and_used(
    real: Program, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = train(real, world, "reader", tmp_path, "asked", "--budget", "40", "--json")
    assert result.code == 0, result.err
    assert "asked：90 个段落含有答案" in result.err
    assert result.json["written"] == str(tmp_path / "reader.json")
    assert result.json["asked"]["found"] > 0.95
    assert result.json["asked"]["passages"] == 90
    model = load_reader(tmp_path / "reader.json")
    assert (model.card["created"], model.card["held_out"]["asked"]) == (DATE, result.json["asked"])
    assert model.card["recipe"]["budget"] == 40
    assert json.loads((tmp_path / "figures.json").read_text("utf-8"))["reader"]["asked"] == result.json["asked"]

    again = train(real, world, "reader", tmp_path / "again", "asked", "--budget", "40")
    assert "asked（90 段，保留检验）：引文含答案" in again.out
    assert (tmp_path / "again" / "reader.json").read_bytes() == (tmp_path / "reader.json").read_bytes()

    monkeypatch.setenv("STUDY_BOT_REFUSE_BELOW", "0")
    quoted = [_quoted(real, world)]
    blunt = json.loads((tmp_path / "reader.json").read_text("utf-8"))
    blunt["weights"] = [-5.0 if name == "covered" else 0.0 for name in UNIT_FEATURES]
    (tmp_path / "reader.json").write_text(json.dumps(blunt), "utf-8")
    monkeypatch.setenv("STUDY_BOT_LEARNED_DIR", str(tmp_path))
    quoted.append(_quoted(real, world))
    assert "完成登记" in quoted[0]
    assert quoted[1] != quoted[0]


def _quoted(program: Program, world: Path) -> str:
    result = program("ask", "管理门窗与水电的人员在哪一日完成登记？", "--index", str(world / "index"), "--json")
    assert result.code == 0, result.err
    return " ".join(citation["quote"] for citation in result.json["citations"])


def test_a_gate_is_learned_and_used(
    real: Program, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = f"{world / 'away'}={world / 'index'}"
    result = train(real, world, "gate", tmp_path, "marked", "--far", away, "--false-refusals", "0.05", "--json")
    assert result.code == 0, result.err
    assert result.json["written"] == str(tmp_path / "gate.json")
    models = load_gate(tmp_path / "gate.json")
    assert models.model != load_gate(packaged("gate.json")).model
    counts = models.full.card["data"]
    assert counts["marked：应拒答"] == 20
    assert counts["away→index"] == 15
    assert 90 < counts["marked"] <= 180
    for name, gate in (("full", models.full), ("lexical", models.lexical)):
        figures = result.json[name]
        assert figures == gate.card["held_out"]
        assert figures["threshold"] == gate.threshold
        assert figures["false_refusals"] <= 0.05
        assert figures["false_answers"] < 0.5
    passed = {(row["kind"], row["answerable"]): row["passed"] for row in result.json["full"]["passed"]}
    assert passed["marked", True] > 0.9
    assert passed["away→index", False] < 0.2

    again = train(real, world, "gate", tmp_path / "again", "marked", "--far", away, "--false-refusals", "0.05")
    assert (tmp_path / "again" / "gate.json").read_bytes() == (tmp_path / "gate.json").read_bytes()
    assert f"阈值 {models.full.threshold:.2f}" in again.out
    assert "marked（应回答，" in again.out
    assert "away→index（应拒答，" in again.out

    monkeypatch.setenv("STUDY_BOT_LEARNED_DIR", str(tmp_path))
    index = str(world / "index")
    asked = real("ask", "管理门窗与水电的人员在哪一日完成登记？", "--index", index, "--json").json
    assert not asked["refused"]
    assert asked["confidence"] > models.full.threshold
    assert real("ask", "鲸鱼怎样睡眠？", "--index", index, "--json").json["refused"]


def test_an_old_gate_does_not_stand_in_the_way_of_a_new_one(
    real: Program, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gate.json").write_text('{"format": 0}', "utf-8")
    monkeypatch.setenv("STUDY_BOT_LEARNED_DIR", str(tmp_path))
    broken = real("ask", "管理门窗？", "--index", str(world / "index"))
    assert (broken.code, "study-bot train gate" in broken.err) == (5, True)
    result = train(real, world, "gate", tmp_path, "marked")
    assert result.code == 0, result.err
    assert load_gate(tmp_path / "gate.json").full.card["created"] == DATE


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("reader", "few", "只有 20 个，至少要 50 个"),
        ("reader", "bare", "请补充带 answer 的问题"),
        ("gate", "few", "至少要 100 个"),
        ("gate", "away", "请补充问题"),
        ("reader", "absent", "absent"),
        ("gate", "absent", "absent"),
    ],
)
def test_what_cannot_be_trained_is_told(
    real: Program, world: Path, tmp_path: Path, kind: str, data: str, words: str
) -> None:
    result = train(real, world, kind, tmp_path, data)
    assert result.code == 2
    assert words in result.err
    assert "Traceback" not in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["reader", "gate"])
def test_an_index_that_is_not_there_is_told(real: Program, world: Path, tmp_path: Path, kind: str) -> None:
    data = f"{world / 'asked'}={tmp_path / 'nothing'}"
    result = real("train", kind, "--data", data, "--out", str(tmp_path / "out"))
    assert result.code == 3
    assert "study-bot index build" in result.err
    assert not (tmp_path / "out").exists()


def test_a_far_set_must_name_its_index(real: Program, world: Path, tmp_path: Path) -> None:
    result = train(real, world, "gate", tmp_path, "asked", "--far", str(world / "away"))
    assert result.code == 2
    assert "目录=索引目录" in result.err
