"""A small library of invented texts, an encoder without a model, and shorthands for builds."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from study_bot.index.builder import build_index
from study_bot.index.store import Snapshot, SnapshotStore
from study_bot.index.tokens import Tokenizer
from study_bot.settings import Settings
from study_bot.text import to_chinese_number
from study_bot.types import BuildReport

TODAY = dt.date(2026, 3, 1)

SETTINGS = Settings(passage_chars=120, passage_max_chars=200, keep_builds=2, ocr=False)

RULE_TITLE = "江临市夜间值守管理规定"
_DUTIES = (
    "登记来访人员",
    "检查门窗水电",
    "保管备用钥匙",
    "记录天气变化",
    "清点公用雨具",
    "报告异常声响",
    "交接值班手册",
)


class FakeEncoder:
    """Vectors from hashed pairs of characters: equal texts are equal, similar ones near. `encoded` lists its work."""

    def __init__(self, fingerprint: str = "fake-model-1", dimension: int = 32, seconds_a_text: float = 0.0) -> None:
        self.fingerprint = fingerprint
        self.dimension = dimension
        self.encoded: list[str] = []
        self._seconds_a_text = seconds_a_text

    def encode_queries(self, texts: list[str]) -> NDArray[np.float32]:
        return np.stack([self._vector(text) for text in texts])

    def encode_passages(
        self, texts: list[str], on_progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        vectors = []
        for done, text in enumerate(texts, start=1):
            time.sleep(self._seconds_a_text)
            vectors.append(self._vector(text))
            self.encoded.append(text)
            if on_progress is not None:
                on_progress(done)
        return np.stack(vectors)

    def _vector(self, text: str) -> NDArray[np.float32]:
        vector = np.full(self.dimension, 1e-3, dtype=np.float32)
        for first, second in itertools.pairwise(text):
            vector[(ord(first) * 31 + ord(second)) * 2_654_435_761 % 4_294_967_291 % self.dimension] += 1
        return vector / np.linalg.norm(vector)


def rule_text(
    articles: int = 8, *, title: str = RULE_TITLE, changed: dict[int, str] | None = None, without: int = 0
) -> str:
    """A rule in statute form; `changed` replaces the words of articles, `without` leaves one out."""
    lines = [title, "（2024年5月6日江临市值守委员会公布）", "第一章 总则"]
    for number in range(1, articles):
        if number == without:
            continue
        duty = _DUTIES[number % len(_DUTIES)]
        words = (changed or {}).get(number) or f"值守人员每晚第{number}次巡查时应当{duty}，并在手册第{number}页签名。"
        lines.append(f"第{to_chinese_number(number)}条 {words}")
    lines.append(f"第{to_chinese_number(articles)}条 本规定自2024年6月1日起施行。")
    return "\n".join(lines)


def prose_text(topic: str, paragraphs: int = 3) -> str:
    """A talk about `topic` under a heading."""
    body = [
        f"{topic}的第{n}点经验是：先把{topic}的目标写清楚，再按周检查。每次检查要有两人在场。"
        for n in range(1, paragraphs + 1)
    ]
    return "\n".join([f"关于{topic}的讲话", *body])


def write_library(root: Path) -> Path:
    """Three documents: one rule, two talks in a sub-folder."""
    (root / "讲话").mkdir(parents=True)
    (root / f"{RULE_TITLE}.txt").write_text(rule_text(), encoding="utf-8")
    (root / "讲话" / "关于晨读的讲话.txt").write_text(prose_text("晨读"), encoding="utf-8")
    (root / "讲话" / "关于巡逻的讲话.md").write_text(prose_text("巡逻"), encoding="utf-8")
    return root


def build(
    root: Path | list[Path], index_dir: Path, encoder: FakeEncoder | None = None, **options: object
) -> BuildReport:
    """`build_index` with the settings, day and encoder of the tests."""
    sources = root if isinstance(root, list) else [root]
    settings = options.pop("settings", SETTINGS)
    return build_index(sources, index_dir, settings, encoder or FakeEncoder(), **{"today": TODAY, **options})  # type: ignore[arg-type]


def live(index_dir: Path) -> Snapshot:
    """The live build, freshly opened."""
    return SnapshotStore(index_dir).current()


@functools.cache
def _tokenizer() -> Tokenizer:
    return Tokenizer()


def answers(snapshot: Snapshot) -> list[object]:
    """What a build says to some questions, for comparing builds: passages found by each list, and all texts."""
    encoder, tokenizer = FakeEncoder(), _tokenizer()
    said: list[object] = [snapshot.build_id]
    for question in ("巡查时应当做什么", "晨读的目标", "第三条 清点公用雨具"):
        _, rows = snapshot.dense.search(encoder.encode_queries([question]), 3, None)
        said.append([snapshot.passages[row].text for row in rows[0] if row >= 0])
        _, found = snapshot.sparse.search(tokenizer.tokens(question), 3, None)
        said.append([snapshot.passages[row].text for row in found])
    said.append([snapshot.text(version.version_id).text for version in snapshot.versions])
    return said


def leftovers(index_dir: Path) -> list[str]:
    """Names in an index folder that belong to no build and no cache."""
    return sorted(p.name for p in index_dir.iterdir() if p.name.startswith(".tmp-"))
