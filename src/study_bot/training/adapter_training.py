"""From training sets to an adapter in its file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from study_bot.index.embedding import Encoder
from study_bot.retrieval.adapter import ADAPTER_FILE, AdapterCard, QueryAdapter
from study_bot.training.adapter_choice import Choice, CrossValidated, between, choose, cross_validated
from study_bot.training.adapter_fit import AdapterRecipe, fit_adapter
from study_bot.training.files import packaged_adapter, write_figures, write_folds
from study_bot.training.folds import FOLDS
from study_bot.training.pairs import Pairs, pairs_of, question_vectors, self_pairs
from study_bot.training.sets import Tell, TrainingLibrary, TrainingSet


@dataclass(frozen=True, slots=True)
class AdapterResult:
    """What came of it. `path` None = no adapter was better than what there is, and nothing was written.

    `figures` is what stands in the file of figures.
    """

    path: Path | None
    choice: Choice
    figures: Mapping[str, object]


def train_adapter(
    sets: Sequence[TrainingSet],
    encoder: Encoder,
    out: Path,
    recipe: AdapterRecipe,
    created: dt.date,
    tell: Tell,
    *,
    from_zero: bool = False,
) -> AdapterResult:
    """Fit an adapter and write it with its card, its folds and its figures, if held-out questions gain by it.

    It goes on from the adapter that ships along where that fits the encoder and was not trained on one of the sets.

    :param from_zero: begin with no change in any case.
    :raises DatasetError: too few questions, or too few different golds.
    :raises LearnedFileError: the adapter that ships along, or the file of figures, cannot be read.
    :raises ModelError: the encoder failed.
    :raises OSError: a file cannot be written.
    """
    pairs = [_pairs(data, encoder, tell) for data in sets]
    pairs = [own for own in pairs if len(own)]
    beside = _beside(sets, encoder, recipe, tell)
    base = None if from_zero else _base(sets, encoder, tell)
    start = None if base is None else base.weight
    tell(f"用保留的问题选择步数和强度（共 {sum(map(len, pairs))} 题）…")
    choice = choose(pairs, beside, recipe, start)
    if choice.strength == 0:
        tell(
            f"保留的 {choice.held_out} 题上没有可靠的提高（R@10 {choice.gain:+.4f}，标准误 {choice.error:.4f}），"
            "没有写出适配器，继续使用原有的参数。"
        )
        return AdapterResult(None, choice, {"choice": _choice(choice)})
    tell(f"选定 {choice.steps} 步、强度 {choice.strength:g}（R@10 {choice.gain:+.4f}，标准误 {choice.error:.4f}）")
    validated = cross_validated(
        pairs, beside, recipe, choice, start=start, on_fold=lambda done: tell(f"交叉检验 {done}/{FOLDS}")
    )
    tell("用全部问题训练…")
    fitted = fit_adapter([*pairs, *beside], recipe, start=start, until=choice.steps)
    counts = {own.name: len(own) for own in pairs}
    card = AdapterCard(
        model=encoder.fingerprint,
        created=created.isoformat(),
        data=counts if base is None else {**base.card.data, **counts},
        metrics={f"{name} {key}": value for name, own in validated.after.items() for key, value in own.items()},
        recipe={**recipe.numbers(), "until": choice.steps, "strength": choice.strength},
    )
    path = out / ADAPTER_FILE
    QueryAdapter(between(start, fitted, choice.strength), card).save(path)
    write_folds(out, pairs, validated)
    figures = _figures(card, base, choice, validated)
    write_figures(out, "adapter", figures)
    return AdapterResult(path, choice, figures)


def _pairs(data: TrainingSet, encoder: Encoder, tell: Tell) -> Pairs:
    vectors = question_vectors(data, encoder, lambda done: tell(f"{data.name}：已编码 {done} 题"))
    pairs = pairs_of(data, vectors)
    if len(pairs) < len(data.questions):
        tell(f"{data.name}：{len(data.questions) - len(pairs)} 题按条号即可查到，不用于训练适配器")
    return pairs


def _beside(sets: Sequence[TrainingSet], encoder: Encoder, recipe: AdapterRecipe, tell: Tell) -> list[Pairs]:
    """Sentences of every library in the place of questions."""
    if not recipe.self_sentences or not recipe.self_weight:
        return []
    libraries: dict[Path, TrainingLibrary] = {data.library.index.resolve(): data.library for data in sets}
    tell("从索引中抽取语句，以免适配器改动原本就能找到的内容…")
    found = [
        self_pairs(library, encoder, recipe.self_sentences, recipe.seed, recipe.self_weight)
        for library in libraries.values()
    ]
    return [own for own in found if len(own)]


def _base(sets: Sequence[TrainingSet], encoder: Encoder, tell: Tell) -> QueryAdapter | None:
    found = packaged_adapter(encoder.fingerprint, encoder.dimension)
    if found is None:
        return None
    if shared := found.card.data.keys() & {data.name for data in sets}:
        tell(f"提示：自带的适配器已用过 {'、'.join(sorted(shared))}，这次从头训练。")
        return None
    tell("在自带的适配器的基础上训练")
    return found


def _choice(choice: Choice) -> dict[str, float]:
    return {
        "steps": choice.steps,
        "strength": choice.strength,
        "gain": round(choice.gain, 4),
        "error": round(choice.error, 4),
        "held_out": choice.held_out,
    }


def _figures(
    card: AdapterCard, base: QueryAdapter | None, choice: Choice, validated: CrossValidated
) -> dict[str, object]:
    return {
        "model": card.model,
        "created": card.created,
        "began_with": None if base is None else dict(base.card.data),
        "recipe": dict(card.recipe),
        "choice": _choice(choice),
        "folds": FOLDS,
        "sets": {
            name: {
                "questions": card.data[name],
                "before": dict(validated.before[name]),
                "after": dict(after),
                "unseen": {
                    "questions": validated.unseen[name],
                    "before": dict(validated.unseen_before[name]),
                    "after": dict(validated.unseen_after[name]),
                },
            }
            for name, after in validated.after.items()
        },
    }
