"""What answering has learned: the site's own files where there are any, else those that ship along."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass
from pathlib import Path

from study_bot.answering.confidence import GATE_FILE, GateModel, load_gate
from study_bot.answering.reader import READER_FILE, ReaderModel, load_reader


@dataclass(frozen=True, slots=True, eq=False)
class LearnedAnswering:
    """The reader that picks units, and the gate that decides whether to answer at all."""

    reader: ReaderModel
    gate: GateModel


def load_learned(folder: Path | None, fingerprint: str) -> LearnedAnswering:
    """Reader and gate for an encoder.

    :param folder: the site's own files; each that is missing there is taken from the package. None = no such folder.
    :param fingerprint: of the encoder; with another one than the gate was fitted on, the gate that does without
        cosines is taken.
    :raises LearnedFileError: a file is there and cannot be used.
    """
    gates = load_gate(_place(folder, GATE_FILE))
    return LearnedAnswering(reader_of(folder), gates.for_encoder(fingerprint))


def reader_of(folder: Path | None) -> ReaderModel:
    """The site's own reader, or the one that ships along.

    :raises LearnedFileError: the file is there and cannot be used.
    """
    return load_reader(_place(folder, READER_FILE))


def packaged(name: str) -> Path:
    """Place of a learned file that ships along."""
    return Path(str(importlib.resources.files("study_bot.answering").joinpath("data", name)))


def _place(folder: Path | None, name: str) -> Path:
    own = folder / name if folder is not None else None
    return own if own is not None and own.is_file() else packaged(name)
