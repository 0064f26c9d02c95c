"""What training leaves in its folder: the learned files, the folds of the adapter, and the figures."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from study_bot.errors import LearnedFileError
from study_bot.evaluation.files import write_whole
from study_bot.index.embedding_cache import text_hash
from study_bot.index.vectors import Vectors
from study_bot.retrieval.adapter import ADAPTER_FILE, QueryAdapter, load_adapter
from study_bot.retrieval.learned import packaged
from study_bot.retrieval.ranking import RANKING_FILE, RankingModels, load_ranking
from study_bot.training.adapter_choice import CrossValidated, adapted
from study_bot.training.adapter_fit import Weight
from study_bot.training.pairs import Pairs

FIGURES_FILE = "figures.json"
FOLDS_FILE = "adapter_folds.safetensors"

_WEIGHTS, _CARD = "weights", "card"
_KEY_CHARS = 16


@dataclass(frozen=True, slots=True, eq=False)
class AdapterFolds:
    """Adapters that were each fitted without some questions: `weights` (folds, dimension, dimension), `folds` the fold
    of a question by the hash of its text."""

    weights: Weight
    folds: Mapping[str, int]

    def adapted(self, texts: Sequence[str], vectors: Vectors, adapter: QueryAdapter) -> Vectors:
        """Vectors of questions, (n, dimension), each by the adapter that has not seen it."""
        found = adapter.transform(vectors)
        of_text = np.array([self.fold_of(text) for text in texts])
        for fold, weight in enumerate(self.weights):
            found[of_text == fold] = adapted(vectors[of_text == fold], weight)
        return found

    def fold_of(self, text: str) -> int:
        """Number of the adapter that has not seen a question, -1 if none of them has."""
        return self.folds.get(_key(text), -1)


def write_folds(folder: Path, sets: Sequence[Pairs], validated: CrossValidated) -> None:
    """Keep the adapters of the folds beside the adapter they belong to, for the fit of the ranking.

    :raises OSError: it cannot be written.
    """
    from safetensors.numpy import save

    folds = {
        _key(text): int(fold)
        for pairs, own in zip(sets, validated.folds, strict=True)
        for text, fold in zip(pairs.texts, own, strict=True)
    }
    card = json.dumps({"adapter": _checksum(folder / ADAPTER_FILE), "folds": folds}, sort_keys=True)
    data = save({_WEIGHTS: np.stack(validated.weights).astype(np.float16)}, metadata={_CARD: card})
    path = folder / FOLDS_FILE
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read_folds(folder: Path) -> AdapterFolds | None:
    """The folds of the adapter in `folder`; None where there are none, or they are those of another adapter.

    :raises LearnedFileError: the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FOLDS_FILE
    if not path.is_file():
        return None
    try:
        with safe_open(str(path), framework="numpy") as stored:
            card = json.loads((stored.metadata() or {})[_CARD])
            weights = stored.get_tensor(_WEIGHTS).astype(np.float32)
        if card["adapter"] != _checksum(folder / ADAPTER_FILE):
            return None
        return AdapterFolds(weights, {str(key): int(fold) for key, fold in card["folds"].items()})
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise LearnedFileError(f"{path} 无法读取（{error}）。请删除该文件，再运行 study-bot train adapter。") from error


def current_adapter(folder: Path, fingerprint: str, dimension: int) -> QueryAdapter | None:
    """The adapter that would be used with `folder` as the site's own; None = there is none for this encoder.

    :raises LearnedFileError: a file is there and cannot be read.
    """
    for path in (folder / ADAPTER_FILE, packaged(ADAPTER_FILE)):
        if path.is_file() and (found := load_adapter(path)).fits(fingerprint, dimension):
            return found
    return None


def packaged_adapter(fingerprint: str, dimension: int) -> QueryAdapter | None:
    """The adapter that ships along, if it fits this encoder.

    :raises LearnedFileError: it cannot be read.
    """
    path = packaged(ADAPTER_FILE)
    found = load_adapter(path) if path.is_file() else None
    return found if found is not None and found.fits(fingerprint, dimension) else None


def packaged_ranking() -> RankingModels | None:
    """The ranking that ships along; None where there is none for the features of this version."""
    try:
        return load_ranking(packaged(RANKING_FILE))
    except LearnedFileError:
        return None


def write_ranking(folder: Path, models: RankingModels) -> Path:
    """Write the ranking.

    :raises OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / RANKING_FILE, models.to_json() + "\n")
    return folder / RANKING_FILE


def write_figures(folder: Path, part: str, figures: Mapping[str, object]) -> Path:
    """Put the figures of one part of training (`adapter`, `ranking`) in the place of its earlier ones.

    :raises LearnedFileError: the file is there and is not one of figures.
    :raises OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FIGURES_FILE
    known: dict[str, object] = {}
    if path.is_file():
        try:
            known = dict(json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise LearnedFileError(f"{path} 不是训练结果文件，请移走后重试。") from error
    known[part] = figures
    write_whole(path, json.dumps(dict(sorted(known.items())), ensure_ascii=False, indent=1) + "\n")
    return path


def _key(text: str) -> str:
    return text_hash(text)[:_KEY_CHARS]


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
