"""From training sets to a reader in its file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from study_bot.answering.reader import READER_FILE
from study_bot.errors import DatasetError
from study_bot.evaluation.files import write_whole
from study_bot.evaluation.question_sets import read_question_set
from study_bot.index.embedding import Encoder
from study_bot.index.tokens import Tokenizer
from study_bot.training.files import write_figures
from study_bot.training.folds import FOLDS, folds_of, groups_of
from study_bot.training.reader_fit import ReaderExample, ReaderRecipe, Reading, fit_reader, held_out, reader_examples
from study_bot.training.sets import SetSource, Tell, open_sets

_MIN_EXAMPLES = 50


@dataclass(frozen=True, slots=True)
class ReaderResult:
    """Where the reader was written, and what stands in the file of figures."""

    path: Path
    figures: Mapping[str, object]


def train_reader(
    sources: Sequence[SetSource],
    encoder: Encoder,
    out: Path,
    recipe: ReaderRecipe,
    created: dt.date,
    tell: Tell,
    seed: int = 1,
) -> ReaderResult:
    """Fit the reader on the questions whose answer is known, and write it with its card and figures.

    :raises DatasetError: too few questions with an answer that stands in a right passage.
    :raises SnapshotError: an index is missing or cannot be used.
    :raises OSError: a file cannot be written.
    """
    tokenizer = Tokenizer()
    examples: list[ReaderExample] = []
    for source, data in zip(sources, open_sets(sources, encoder, created, tell), strict=True):
        expected = read_question_set(source.directory, source.split, data.library.snapshot).expected
        made = reader_examples(data, expected, tokenizer.tokens, tokenizer.tags)
        tell(f"{data.name}：{len(made)} 个段落含有答案")
        examples += made
    if len(examples) < _MIN_EXAMPLES:
        raise DatasetError(
            f"答案见于正确段落的例子只有 {len(examples)} 个，至少要 {_MIN_EXAMPLES} 个。请补充带 answer 的问题。"
        )
    folds = folds_of(groups_of([example.golds for example in examples]), FOLDS, seed)
    measured = _figures(examples, held_out(examples, folds, recipe))
    model = fit_reader(examples, recipe)
    card = {"created": created.isoformat(), "recipe": asdict(recipe), "held_out": measured}
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / READER_FILE, replace(model, card=card).to_json() + "\n")
    write_figures(out, "reader", measured)
    return ReaderResult(out / READER_FILE, measured)


def _figures(examples: Sequence[ReaderExample], readings: Sequence[Reading]) -> dict[str, object]:
    """By set: how many passages, the share whose quoted units hold an answer, and the characters quoted on average."""
    sources = [example.source for example in examples]
    return {
        source: {
            "passages": len(own),
            "found": round(float(np.mean([reading.found for reading in own])), 4),
            "characters": round(float(np.mean([reading.characters for reading in own])), 1),
        }
        for source in dict.fromkeys(sources)
        for own in ([r for r, name in zip(readings, sources, strict=True) if name == source],)
    }
