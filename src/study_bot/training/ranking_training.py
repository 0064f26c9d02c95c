"""From training sets to a ranking in its file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from study_bot.errors import DatasetError
from study_bot.index.embedding import Encoder
from study_bot.index.vectors import Vectors
from study_bot.retrieval.adapter import QueryAdapter
from study_bot.retrieval.ranking import RankingModel, RankingModels
from study_bot.training.adapter_choice import MIN_PAIRS, SURE
from study_bot.training.examples import Examples, examples_of
from study_bot.training.files import (
    AdapterFolds,
    current_adapter,
    packaged_ranking,
    read_folds,
    write_figures,
    write_ranking,
)
from study_bot.training.folds import FOLDS
from study_bot.training.pairs import question_vectors
from study_bot.training.ranking_choice import RankingFigures, validate
from study_bot.training.ranking_fit import RankingRecipe, RankingTable
from study_bot.training.sets import Tell, TrainingSet


@dataclass(frozen=True, slots=True)
class RankingResult:
    """What came of it. `path` None = the ranking there is was not bettered, and nothing was written.

    `figures` is what stands in the file of figures.
    """

    path: Path | None
    figures: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A model with its card, and the figures as they are kept."""

    model: RankingModel
    measured: RankingFigures
    recipe: RankingRecipe


def train_ranking(
    sets: Sequence[TrainingSet],
    encoder: Encoder,
    out: Path,
    recipe: RankingRecipe,
    created: dt.date,
    candidates: int,
    tell: Tell,
    *,
    from_zero: bool = False,
) -> RankingResult:
    """Fit the ranking for use with the adapter of `out` (else the one that ships along) and for use without.

    It goes on from the ranking that ships along unless that was trained on one of the sets; then it is written only if
    held-out questions surely gain by it.

    :param candidates: length of each list of candidates (the setting of that name).
    :param from_zero: begin with weights of 0 in any case, and write in any case.
    :raises DatasetError: too few questions or different golds, or a set trained the adapter and its folds are missing.
    :raises LearnedFileError: a learned file cannot be read.
    :raises ModelError: the encoder failed.
    :raises OSError: a file cannot be written.
    """
    if (count := sum(len(data.questions) for data in sets)) < MIN_PAIRS:
        raise DatasetError(
            f"只有 {count} 个可用于训练的问题，至少要 {MIN_PAIRS} 个。请继续收集问题"
            "（study-bot eval cases add 或 import），或用 --data 加上别的训练集；在此之前用自带的参数即可。"
        )
    plain = [question_vectors(data, encoder, lambda done: tell(f"已编码 {done} 题")) for data in sets]
    adapter = current_adapter(out, encoder.fingerprint, encoder.dimension)
    prior = None if from_zero else _prior(sets, tell)
    bare = _fit(
        "不用适配器",
        _searched(sets, plain, None, candidates, tell),
        recipe,
        None if prior is None else prior.plain,
        tell,
    )
    moved = bare
    if adapter is not None:
        folds = read_folds(out)
        _check_folds(sets, adapter, folds)
        vectors = [_adapted(data, own, adapter, folds) for data, own in zip(sets, plain, strict=True)]
        examples = _searched(sets, plain, vectors, candidates, tell)
        moved = _fit("使用适配器", examples, recipe, None if prior is None else prior.adapted, tell)
    counts = {data.name: len(data.questions) for data in sets}
    figures = {
        "model": encoder.fingerprint,
        "created": created.isoformat(),
        "began_with": None if prior is None else dict(prior.adapted.card.get("data", {})),
        "adapter": None if adapter is None else {"created": adapter.card.created, "data": dict(adapter.card.data)},
        "sets": counts,
        "adapted": _record(moved),
        "plain": _record(bare),
    }
    if prior is not None and moved.measured.gain <= max(SURE * moved.measured.error, 0.0):
        tell(
            f"保留的问题上没有可靠的提高（MRR@10 {moved.measured.gain:+.4f}，标准误 {moved.measured.error:.4f}），"
            "没有写出排序模型，继续使用原有的参数。"
        )
        return RankingResult(None, figures)
    models = RankingModels(
        *(replace(fitted.model, card=_card(fitted, prior, encoder, counts, created)) for fitted in (moved, bare))
    )
    path = write_ranking(out, models)
    write_figures(out, "ranking", figures)
    return RankingResult(path, figures)


def _searched(
    sets: Sequence[TrainingSet],
    plain: Sequence[Vectors],
    adapted: Sequence[Vectors] | None,
    candidates: int,
    tell: Tell,
) -> list[Examples]:
    found = []
    for number, data in enumerate(sets):
        tell(f"{data.name}：检索 {len(data.questions)} 题{'' if adapted is None else '（使用适配器）'}…")
        found.append(examples_of(data, plain[number], None if adapted is None else adapted[number], candidates))
    return found


def _fit(
    name: str, examples: Sequence[Examples], recipe: RankingRecipe, prior: RankingModel | None, tell: Tell
) -> _Fitted:
    tell(f"{name}：训练与检验…")

    def on_fit(done: int, total: int) -> None:
        if done % FOLDS == 0 or done == total:
            tell(f"{name}：已训练 {done}/{total} 次")

    chosen, measured = validate(examples, recipe, prior, on_fit)
    model = RankingTable(examples, chosen).fit([one.all_questions for one in examples], prior)
    return _Fitted(model, measured, chosen)


def _adapted(data: TrainingSet, plain: Vectors, adapter: QueryAdapter, folds: AdapterFolds | None) -> Vectors:
    """Vectors after an adapter that has not seen the question."""
    if folds is None:
        return adapter.transform(plain)
    return folds.adapted([question.query.search_text for question in data.questions], plain, adapter)


def _check_folds(sets: Sequence[TrainingSet], adapter: QueryAdapter, folds: AdapterFolds | None) -> None:
    seen = sorted(adapter.card.data.keys() & {data.name for data in sets})
    if seen and folds is None:
        raise DatasetError(
            f"适配器用 {'、'.join(seen)} 训练过，缺少它交叉检验的文件，会使排序过分信任它。"
            "请先用同一个 --out 运行 study-bot train adapter。"
        )


def _prior(sets: Sequence[TrainingSet], tell: Tell) -> RankingModels | None:
    found = packaged_ranking()
    if found is None:
        return None
    if shared := dict(found.adapted.card.get("data", {})).keys() & {data.name for data in sets}:
        tell(f"提示：自带的排序模型已用过 {'、'.join(sorted(shared))}，这次从头训练。")
        return None
    tell("在自带的排序模型的基础上训练")
    return found


def _card(
    fitted: _Fitted, prior: RankingModels | None, encoder: Encoder, counts: Mapping[str, int], created: dt.date
) -> dict[str, object]:
    earlier = {} if prior is None else dict(prior.adapted.card.get("data", {}))
    return {
        "model": encoder.fingerprint,
        "created": created.isoformat(),
        "data": {**earlier, **counts},
        "metrics": {name: dict(values) for name, values in fitted.measured.folds.items()},
        "recipe": dict(fitted.recipe.numbers()),
    }


def _record(fitted: _Fitted) -> dict[str, object]:
    return {"recipe": dict(fitted.recipe.numbers()), **asdict(fitted.measured)}
