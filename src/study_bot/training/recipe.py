"""The one command that makes the learned files that ship along: `python -m study_bot.training.recipe`.

It builds the indexes it needs below a work folder (or takes those already there), trains every part in turn into
`learned/` of the work folder, and puts the results where the package keeps them. The data are named here by folders
relative to the data folder; what trains the adapter is only what may be used so (MIT, Apache-2.0).
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from study_bot.answering import learned as answering
from study_bot.answering.confidence import GATE_FILE
from study_bot.answering.reader import READER_FILE
from study_bot.errors import DatasetError, StudyBotError
from study_bot.evaluation.datasets import read_qrels
from study_bot.evaluation.files import write_whole
from study_bot.index.builder import build_index
from study_bot.index.embedding import Encoder, open_encoder
from study_bot.index.store import SnapshotStore
from study_bot.retrieval.adapter import ADAPTER_FILE
from study_bot.retrieval.learned import packaged
from study_bot.retrieval.ranking import RANKING_FILE
from study_bot.settings import Settings, load_settings
from study_bot.text import parse_date
from study_bot.training.adapter_fit import AdapterRecipe
from study_bot.training.adapter_training import train_adapter
from study_bot.training.files import FIGURES_FILE
from study_bot.training.gate_fit import GateRecipe
from study_bot.training.gate_training import train_gate
from study_bot.training.list_questions import write_list_questions
from study_bot.training.ranking_fit import RankingRecipe
from study_bot.training.ranking_training import train_ranking
from study_bot.training.reader_fit import ReaderRecipe
from study_bot.training.reader_training import train_reader
from study_bot.training.sets import SetSource, TrainingSet, open_sets


@dataclass(frozen=True, slots=True)
class Subset:
    """A corpus file of the work folder: those rows of `source` that `ids` lists or that are golds of `golds`."""

    source: str
    ids: str
    golds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained on. Paths begin with `{data}`, the folder of evaluation sets, `{work}`, the work folder, or
    `{project}`, the source tree.

    `subsets` are made first, by the name of their file; `libraries` gives the sources of each index by its folder below
    the work folder; `lists` the library that questions for lists are made from, by the folder of their set; `sets`
    gives by name the folder of a set, whose split is dev, and its library. `adapter`, `ranking` and `reader` name the
    sets that train each. `gate` and `far` are sets with split and library: those a library can answer or that say what
    must be refused, and those put to a library about something else.
    """

    libraries: Mapping[str, tuple[str, ...]]
    sets: Mapping[str, tuple[str, str]]
    adapter: tuple[str, ...]
    subsets: Mapping[str, Subset] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    ranking: tuple[str, ...] = ()
    reader: tuple[str, ...] = ()
    gate: tuple[tuple[str, str, str], ...] = ()
    far: tuple[tuple[str, str, str], ...] = ()


PLAN = Plan(
    subsets={
        "statutes.jsonl": Subset(
            "{data}/stard/corpus.jsonl.gz", "{data}/stard/quick_corpus_ids.txt", ("{data}/stard",)
        ),
        "laws.jsonl": Subset(
            "{data}/stard/corpus.jsonl.gz",
            "{data}/stard/quick_corpus_ids.txt",
            ("{data}/stard", "{data}/lawbench_3_2", "{data}/lawbench_1_1", "{data}/quiz_mapped"),
        ),
    },
    libraries={
        "statutes": ("{work}/statutes.jsonl",),
        "laws": ("{work}/laws.jsonl", "{data}/quiz_mapped/corpus_party_study.jsonl.gz"),
        "cmrc": ("{data}/cmrc2018_trial/corpus.jsonl.gz",),
        "rgb": ("{data}/rgb_zh/corpus.jsonl.gz",),
        "corpus": ("{project}/corpus",),
        "documents": ("{data}/../library/good",),
    },
    sets={
        "stard": ("{data}/stard", "statutes"),
        "lawbench_3_2": ("{data}/lawbench_3_2", "laws"),
        "lawbench_1_1": ("{data}/lawbench_1_1", "laws"),
        "quiz_mapped": ("{data}/quiz_mapped", "laws"),
        "cmrc2018_trial": ("{data}/cmrc2018_trial", "cmrc"),
        "rgb_zh": ("{data}/rgb_zh", "rgb"),
        "starter": ("{project}/evals/starter", "corpus"),
        "lists": ("{work}/lists", "laws"),
    },
    lists={"{work}/lists": "laws"},
    adapter=("stard",),
    ranking=("stard", "lawbench_3_2", "lawbench_1_1", "quiz_mapped", "cmrc2018_trial", "rgb_zh", "starter", "lists"),
    reader=("cmrc2018_trial", "rgb_zh"),
    gate=(
        ("{project}/evals/gate", "train", "documents"),
        ("{project}/evals/gate", "test", "documents"),
        ("{project}/evals/starter", "dev", "corpus"),
        ("{project}/evals/starter", "test", "corpus"),
        ("{data}/rgb_zh", "dev", "rgb"),
        ("{data}/quiz_mapped", "dev", "laws"),
        ("{data}/cmrc2018_trial", "dev", "cmrc"),
        ("{data}/stard", "dev", "statutes"),
    ),
    far=(
        ("{data}/cmrc2018_trial", "dev", "statutes"),
        ("{data}/rgb_zh", "dev", "laws"),
        ("{data}/stard", "dev", "cmrc"),
    ),
)
"""What ships was trained on this. The adapter learns from stard alone, which is MIT; of all sets together a few hundred
weights are learned. Subsets of the statutes stand for all of them: they make an hour of encoding a quarter of an hour.
"""

LEARNED = "learned"
"""Folder below the work folder where everything is trained before it is put in its place."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where training takes place. `data` holds the sets, `project` is the root of the source tree."""

    data: Path
    work: Path
    project: Path
    created: dt.date
    seed: int
    settings: Settings
    encoder: Encoder
    plan: Plan = PLAN
    _opened: dict[str, TrainingSet] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        """Where the parts are trained."""
        return self.work / LEARNED

    def index(self, library: str) -> Path:
        """Folder of an index."""
        return self.work / library

    def source(self, name: str) -> SetSource:
        """Where a set of the plan is."""
        folder, library = self.plan.sets[name]
        return SetSource(self.place(folder), "dev", self.index(library))

    def sets(self, names: Sequence[str]) -> list[TrainingSet]:
        """Opened sets; all are opened at the first call, so that those of one index share it."""
        if not self._opened:
            found = open_sets([self.source(name) for name in self.plan.sets], self.encoder, self.created, say)
            self._opened.update((data.name, data) for data in found)
        return [self._opened[name] for name in names]

    def place(self, text: str) -> Path:
        """A path of the plan on this machine."""
        return Path(text.format(data=self.data, work=self.work, project=self.project))

    def at(self, entry: tuple[str, str, str]) -> SetSource:
        """Where a set with split and library is."""
        folder, split, library = entry
        return SetSource(self.place(folder), split, self.index(library))


@dataclass(frozen=True, slots=True)
class Step:
    """One part of training. `ships` maps files it leaves in `learned/` to their places in the package."""

    title: str
    run: Callable[[Workshop], None]
    ships: Mapping[str, Path] = field(default_factory=dict)


def make_subsets(workshop: Workshop) -> None:
    """Write the corpus files that are parts of others, if they are not there yet.

    :raises DatasetError: a set is missing or malformed.
    :raises OSError: a file cannot be read or written.
    """
    for name, subset in workshop.plan.subsets.items():
        path = workshop.work / name
        if path.is_file():
            continue
        ids, source = workshop.place(subset.ids), workshop.place(subset.source)
        if not ids.is_file() or not source.is_file():
            raise DatasetError(f"没有找到评测数据 {source} 和 {ids}，请检查 --data。")
        kept = set(ids.read_text("utf-8").split("\n"))
        for folder in subset.golds:
            for grades in read_qrels(workshop.place(folder) / "qrels" / "dev.tsv").values():
                kept |= grades.keys()
        workshop.work.mkdir(parents=True, exist_ok=True)
        with gzip.open(source, "rt", encoding="utf-8") as rows:
            write_whole(path, "".join(line for line in rows if json.loads(line)["_id"] in kept))


def build_indexes(workshop: Workshop) -> None:
    """Build what is not there yet; an index that is there is taken as it is."""
    for name, sources in workshop.plan.libraries.items():
        index = workshop.index(name)
        if SnapshotStore(index).peek() is not None:
            say(f"索引 {index} 已有，直接使用")
            continue
        say(f"建立索引 {index}（首次需要较长时间）…")
        build_index(list(map(workshop.place, sources)), index, workshop.settings, workshop.encoder)


def make_lists(workshop: Workshop) -> None:
    """Write the sets of questions for lists.

    :raises OSError: a file cannot be written.
    """
    for folder, library in workshop.plan.lists.items():
        snapshot = SnapshotStore(workshop.index(library)).current()
        say(f"{library}：列举题 {write_list_questions(snapshot.passages, workshop.place(folder))} 道")


def adapter(workshop: Workshop) -> None:
    """The adapter, from nothing."""
    recipe = AdapterRecipe(seed=workshop.seed)
    sets = workshop.sets(workshop.plan.adapter)
    train_adapter(sets, workshop.encoder, workshop.out, recipe, workshop.created, say, from_zero=True)


def ranking(workshop: Workshop) -> None:
    """The ranking, from nothing."""
    train_ranking(
        workshop.sets(workshop.plan.ranking),
        workshop.encoder,
        workshop.out,
        RankingRecipe(seed=workshop.seed),
        workshop.created,
        workshop.settings.candidates,
        say,
        from_zero=True,
    )


def reader(workshop: Workshop) -> None:
    """The reader, on sets whose answers stand in their passages."""
    sources = [workshop.source(name) for name in workshop.plan.reader]
    recipe = ReaderRecipe()
    train_reader(sources, workshop.encoder, workshop.out, recipe, workshop.created, say, workshop.seed)


def gate(workshop: Workshop) -> None:
    """The gate, with the adapter, ranking and reader just trained."""
    sources, far = ([workshop.at(entry) for entry in part] for part in (workshop.plan.gate, workshop.plan.far))
    settings = workshop.settings.model_copy(update={"learned_dir": workshop.out})
    train_gate(sources, far, workshop.encoder, settings, workshop.out, GateRecipe(), workshop.created, say)


STEPS = (
    Step("语料", make_subsets),
    Step("索引", build_indexes),
    Step("列举题", make_lists),
    Step("查询适配器", adapter, {ADAPTER_FILE: packaged(ADAPTER_FILE)}),
    Step("候选排序", ranking, {RANKING_FILE: packaged(RANKING_FILE)}),
    Step("摘句", reader, {READER_FILE: answering.packaged(READER_FILE)}),
    Step("拒答", gate, {GATE_FILE: answering.packaged(GATE_FILE), FIGURES_FILE: packaged(FIGURES_FILE)}),
)
"""In this order: each may use what those before it left in `learned/`."""


def run(workshop: Workshop, steps: Sequence[Step] = STEPS) -> None:
    """Take the steps, then put their files in their places.

    :raises StudyBotError: a step failed; nothing was put in place.
    :raises OSError: a file cannot be written.
    """
    for number, step in enumerate(steps, start=1):
        say(f"【{number}/{len(steps)}】{step.title}")
        step.run(workshop)
    for step in steps:
        for name, place in step.ships.items():
            if (workshop.out / name).is_file():
                shutil.copyfile(workshop.out / name, place)
                say(f"已更新 {place}")


def say(line: str) -> None:
    """A line for the person at the terminal, at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the recipe and return the exit code.

    :param arguments: words after the program's name; None = those the process was started with.
    """
    parser = argparse.ArgumentParser(prog="make learn", description="训练随程序发布的参数。")
    parser.add_argument("--data", type=Path, required=True, help="评测数据的目录")
    parser.add_argument("--work", type=Path, required=True, help="工作目录：索引、缓存和训练结果")
    parser.add_argument("--project", type=Path, default=Path(), help="项目的根目录，默认当前目录")
    parser.add_argument("--date", type=_date, default=dt.datetime.now(dt.UTC).date(), help="记入结果的日期，默认今天")
    parser.add_argument("--seed", type=int, default=1, help="随机数种子")
    given = parser.parse_args(arguments)
    try:
        settings = load_settings()
        encoder = open_encoder(settings, say)
        run(Workshop(given.data, given.work, given.project, given.date, given.seed, settings, encoder))
    except StudyBotError as error:
        say(f"错误：{error}")
        return error.exit_code
    return 0


def _date(text: str) -> dt.date:
    date = parse_date(text)
    if date is None:
        raise argparse.ArgumentTypeError(f"“{text}”不是日期，请写成 2026-01-31 这样。")
    return date


if __name__ == "__main__":
    sys.exit(main())
