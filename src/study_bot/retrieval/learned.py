"""What retrieval has learned: the site's own files where they fit the embedding model, else those that ship along."""

from __future__ import annotations

import importlib.resources
import logging
from dataclasses import dataclass
from pathlib import Path

from study_bot.retrieval.adapter import ADAPTER_FILE, QueryAdapter, load_adapter
from study_bot.retrieval.ranking import RANKING_FILE, RankingModel, RankingModels, load_ranking

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class LearnedRetrieval:
    """`adapter` None = questions are searched for with the encoder's own vectors."""

    adapter: QueryAdapter | None
    ranking: RankingModel


def load_learned(folder: Path | None, fingerprint: str, dimension: int, *, adapter: bool = True) -> LearnedRetrieval:
    """Adapter and ranking for an encoder.

    :param folder: the site's own files; each that is missing there is taken from the package. None = no such folder.
    :param fingerprint: of the encoder; an adapter learned on another one is left out.
    :param adapter: False = never use one.
    :raises LearnedFileError: a file is there and cannot be used.
    """
    found = _adapter(folder, fingerprint, dimension) if adapter else None
    models = _ranking(folder)
    return LearnedRetrieval(found, models.plain if found is None else models.adapted)


def packaged(name: str) -> Path:
    """Place of a learned file that ships along."""
    return Path(str(importlib.resources.files("study_bot.retrieval").joinpath("data", name)))


def _adapter(folder: Path | None, fingerprint: str, dimension: int) -> QueryAdapter | None:
    for path in (*([folder / ADAPTER_FILE] if folder else []), packaged(ADAPTER_FILE)):
        if path.is_file():
            found = load_adapter(path)
            if found.fits(fingerprint, dimension):
                return found
            _log.info("the adapter %s was learned for another embedding model and is not used", path.name)
    return None


def _ranking(folder: Path | None) -> RankingModels:
    own = folder / RANKING_FILE if folder else None
    return load_ranking(own if own is not None and own.is_file() else packaged(RANKING_FILE))
