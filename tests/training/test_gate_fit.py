"""Planted examples: what tells answerable questions from the others is known."""

from __future__ import annotations

import datetime as dt
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study_bot.answering.confidence import COSINE_FEATURES, GATE_FEATURES, load_gate
from study_bot.errors import DatasetError
from study_bot.training.files import FIGURES_FILE
from study_bot.training.gate_fit import (
    HELD_OUT_PERCENT,
    GateExample,
    GateRecipe,
    example_weights,
    fit_gate,
    highest_threshold,
    is_held_out,
    lowest_threshold,
    rates_by_kind,
    threshold_curve,
)
from study_bot.training.gate_training import write_gate

SIZE = len(GATE_FEATURES)
RECIPE = GateRecipe(false_refusals=0.1, doubtful=0.05)


def planted(count: int, *names: str, seed: int = 0, apart: float = 4.0, kind: str = "甲") -> list[GateExample]:
    """Twins: of the answerable one the named features stand `apart` higher; all else is chance."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(count):
        for answerable in (True, False):
            features = random.standard_normal(SIZE)
            features[[GATE_FEATURES.index(name) for name in names]] += apart * answerable
            query_id = f"{kind}{number}"
            made.append(GateExample(kind, query_id, answerable, features, is_held_out(query_id)))
    return made


def right_share(examples: list[GateExample], recipe: GateRecipe = RECIPE, *, cosines: bool = True) -> float:
    """Of the held-out examples, how many are likelier to be what they are."""
    model = fit_gate(examples, recipe, cosines=cosines)
    held = [e for e in examples if e.held_out]
    return float(np.mean([(model.probability(e.features) >= 0.5) == e.answerable for e in held]))


def test_what_tells_the_sides_apart_is_learned() -> None:
    examples = planted(400, "covered")
    model = fit_gate(examples, RECIPE)
    others = np.delete(np.abs(model.weights), GATE_FEATURES.index("covered"))
    assert model.weights[GATE_FEATURES.index("covered")] > 3 * others.max() > 0
    assert right_share(examples) > 0.85


def test_products_of_features_are_learned() -> None:
    """A question in other words is answerable where the vectors speak for it, one in the same words where not."""
    random = np.random.default_rng(6)
    one, other = GATE_FEATURES.index("unseen"), GATE_FEATURES.index("covered")
    examples = []
    for number in range(300):
        features = random.standard_normal(SIZE) * 0.3
        signs = random.choice([-2.0, 2.0], 2)
        features[[one, other]] += signs
        examples.append(GateExample("甲", f"q{number}", bool(signs.prod() > 0), features, is_held_out(f"q{number}")))
    assert right_share(examples) > 0.85
    assert abs(fit_gate(examples, RECIPE).crossed[min(one, other), max(one, other)]) > 0.5


def test_without_cosines_their_features_have_no_weight() -> None:
    examples = planted(300, "dense_top")
    assert right_share(examples) > 0.85
    lexical = fit_gate(examples, RECIPE, cosines=False)
    places = [GATE_FEATURES.index(name) for name in COSINE_FEATURES]
    assert not lexical.weights[places].any()
    assert not lexical.crossed[places].any()
    assert not lexical.crossed[:, places].any()
    assert right_share(examples, cosines=False) < 0.65
    both = planted(120, "dense_top", "covered")
    changed = both[0].features.copy()
    changed[places] = 17.0
    fitted = fit_gate(both, RECIPE, cosines=False)
    assert fitted.probability(changed) == fitted.probability(both[0].features)


def test_crossed_weights_stand_above_the_diagonal() -> None:
    crossed = fit_gate(planted(60, "covered"), RECIPE).crossed
    assert crossed.any()
    assert (crossed == np.triu(crossed)).all()


def test_a_feature_that_never_changes_does_no_harm() -> None:
    examples = planted(60, "covered")
    for example in examples:
        example.features[GATE_FEATURES.index("unseen")] = 1.0
    model = fit_gate(examples, RECIPE)
    assert np.isfinite(model.probability(examples[0].features))
    assert model.scale[GATE_FEATURES.index("unseen")] == 1.0
    assert right_share(examples) > 0.8


def test_held_out_questions_have_no_part_in_the_weights() -> None:
    examples = planted(60, "covered")
    changed = [
        GateExample(e.kind, e.query_id, not e.answerable, -e.features, True) if e.held_out else e for e in examples
    ]
    before, after = fit_gate(examples, RECIPE), fit_gate(changed, RECIPE)
    np.testing.assert_array_equal(before.weights, after.weights)
    assert before.bias == after.bias
    assert before.curve != after.curve


def test_the_same_examples_give_the_same_gate() -> None:
    first, second = (fit_gate(planted(60, "covered"), RECIPE) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    np.testing.assert_array_equal(first.crossed, second.crossed)
    assert (first.bias, first.threshold, first.caution, first.curve) == (
        second.bias,
        second.threshold,
        second.caution,
        second.curve,
    )


@given(st.integers(0, 20), st.sampled_from(["covered", "dense_top", "agreement"]), st.floats(0, 6))
@settings(max_examples=15)
def test_the_curve_falls_and_rises_from_all_answered_to_all_refused(seed: int, name: str, apart: float) -> None:
    examples = planted(25, name, seed=seed, apart=apart)
    model = fit_gate(examples, RECIPE)
    curve = threshold_curve(model, examples)
    assert [threshold for threshold, _, _ in curve] == [n / 100 for n in range(101)]
    assert curve[0][1:] == (1.0, 0.0)
    assert all(a[1] >= b[1] and a[2] <= b[2] for a, b in pairwise(curve))
    assert all(0 <= share <= 1 for _, *shares in curve for share in shares)
    assert 0 <= model.threshold <= model.caution <= 1


def test_thresholds_meet_the_shares_asked_for() -> None:
    curve = ((0.0, 1.0, 0.0), (0.3, 0.2, 0.1), (0.6, 0.1, 0.3), (1.0, 0.05, 1.0))
    assert [highest_threshold(curve, share) for share in (0.0, 0.2, 0.3, 1.0)] == [0.0, 0.3, 0.6, 1.0]
    assert [lowest_threshold(curve, share) for share in (1.0, 0.5, 0.2, 0.1, 0.01)] == [0.0, 0.3, 0.3, 0.6, 1.0]
    assert highest_threshold(curve[1:], 0.0) == 0.3

    examples = planted(150, "covered", apart=2.0)
    model = fit_gate(examples, RECIPE)
    refused = {threshold: share for threshold, _, share in model.curve}
    answered = {threshold: share for threshold, share, _ in model.curve}
    assert refused[model.threshold] <= RECIPE.false_refusals < refused[round(model.threshold + 0.01, 2)]
    assert answered[model.caution] <= RECIPE.doubtful < answered[round(model.caution - 0.01, 2)]
    assert model.threshold < model.caution
    careful = fit_gate(examples, GateRecipe(false_refusals=0.3, doubtful=1.0))
    assert careful.threshold > model.threshold
    assert careful.caution == careful.threshold


@given(st.lists(st.tuples(st.sampled_from("甲乙丙"), st.booleans()), min_size=1, max_size=30))
def test_weights_sum_to_1_and_kinds_count_alike(drawn: list[tuple[str, bool]]) -> None:
    examples = [GateExample(kind, str(n), side, np.zeros(SIZE), False) for n, (kind, side) in enumerate(drawn)]
    weights = example_weights(examples)
    assert weights.sum() == pytest.approx(1)
    sides = {side for _, side in drawn}
    for side in sides:
        kinds = {kind for kind, own in drawn if own is side}
        for kind in kinds:
            own = [w for w, e in zip(weights, examples, strict=True) if (e.kind, e.answerable) == (kind, side)]
            assert sum(own) == pytest.approx(1 / len(sides) / len(kinds))
            assert own == pytest.approx([own[0]] * len(own))


def test_which_questions_are_held_out_is_the_same_on_every_run() -> None:
    assert [is_held_out(f"q{n}") for n in range(8)] == [False, True, False, True, True, False, True, False]
    share = np.mean([is_held_out(f"问题{n}") for n in range(2000)])
    assert share == pytest.approx(HELD_OUT_PERCENT / 100, abs=0.04)


def test_twins_share_their_side() -> None:
    sides: dict[str, set[bool]] = {}
    for example in planted(40, "covered"):
        sides.setdefault(example.query_id, set()).add(example.held_out)
    assert {len(own) for own in sides.values()} == {1}
    assert set.union(*sides.values()) == {True, False}


def test_rates_by_kind() -> None:
    examples = [*planted(40, "covered", kind="甲"), *planted(30, "covered", kind="乙", seed=1)]
    model = fit_gate(examples, RECIPE)
    rates = rates_by_kind(model, examples)
    assert [(r.kind, r.answerable, r.questions) for r in rates] == [
        ("甲", True, 40), ("甲", False, 40), ("乙", True, 30), ("乙", False, 30),
    ]  # fmt: skip
    first = [model.probability(e.features) >= model.threshold for e in examples if e.kind == "甲" and e.answerable]
    assert rates[0].passed == pytest.approx(np.mean(first))


def test_both_gates_are_written_with_card_and_figures(tmp_path: Path) -> None:
    examples = planted(80, "covered", "dense_top")
    result = write_gate(examples, "ours", tmp_path / "out", RECIPE, dt.date(2026, 3, 1))
    models = load_gate(result.path)
    assert models.model == "ours"
    full = fit_gate(examples, RECIPE)
    for example in examples[:20]:
        assert models.full.probability(example.features) == pytest.approx(full.probability(example.features), abs=1e-4)
    assert not models.lexical.weights[: len(COSINE_FEATURES)].any()
    card = models.full.card
    assert (card["created"], card["data"]) == ("2026-03-01", {"甲": 160})
    assert card["recipe"] == {"l2": 1.0, "false_refusals": 0.1, "doubtful": 0.05}
    written = json.loads((tmp_path / "out" / FIGURES_FILE).read_text("utf-8"))["gate"]
    assert written["full"] == card["held_out"] == result.figures["full"]
    held = sum(e.held_out and e.answerable for e in examples)
    assert [(row["answerable"], row["questions"]) for row in written["full"]["passed"]] == [(True, held), (False, held)]
    again = write_gate(examples, "ours", tmp_path / "again", RECIPE, dt.date(2026, 3, 1))
    assert again.path.read_bytes() == result.path.read_bytes()


@pytest.mark.parametrize("lack", ["few", "answerable", "fitted", "held out"])
def test_what_cannot_be_fitted_is_told(tmp_path: Path, lack: str) -> None:
    examples = planted(80, "covered")
    match lack:
        case "few":
            examples = examples[:99]
        case "answerable":
            examples = [e for e in planted(160, "covered") if not e.answerable]
        case "fitted":
            examples = [GateExample(e.kind, e.query_id, e.answerable, e.features, True) for e in examples]
        case "held out":
            examples = [e for e in planted(160, "covered") if e.answerable or not e.held_out]
    with pytest.raises(DatasetError, match=f"例子有 {len(examples)} 个，至少要 100 个.*请补充问题"):
        write_gate(examples, "ours", tmp_path / "out", RECIPE, dt.date(2026, 3, 1))
    assert not (tmp_path / "out").exists()
