"""How near texts come to golds: values worked out by hand, properties, and the plain algorithms as reference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.evaluation.text_scores import (
    character_f1,
    common_subsequence,
    contains,
    exact_match,
    plain,
    quoted_share,
    rouge_l,
    units,
)

# Few letters, so that texts have something in common.
_TEXTS = st.text(st.sampled_from("值班室应当有人2024ab，。 \n"), max_size=30)


def test_plain_drops_punctuation_space_width_and_case() -> None:
    assert plain(" 《ＷＴＯ》第２条：\n“值班”— ★") == "wto第2条值班"


def test_runs_of_latin_letters_and_digits_are_one_unit() -> None:
    assert units("2024年3月，WTO规则") == ["2024", "年", "3", "月", "wto", "规", "则"]


@pytest.mark.parametrize(
    ("given_text", "gold", "f1", "rouge"),
    [
        ("八时交接班", "八时", 2 * 2 / 7, 2 * 2 / 7),
        ("时八", "八时", 1.0, 0.5),  # the order counts for one of them alone
        ("2023年", "2024年", 0.5, 0.5),  # a year is right or wrong as a whole
        ("值班", "离岗", 0.0, 0.0),
        ("", "离岗", 0.0, 0.0),
        ("，。", "", 1.0, 1.0),
        ("值值班", "值班班", 2 / 3, 2 / 3),  # repeated characters count as often as both have them
    ],
)
def test_values_worked_out_by_hand(given_text: str, gold: str, f1: float, rouge: float) -> None:
    assert character_f1(given_text, gold) == pytest.approx(f1)
    assert rouge_l(given_text, gold) == pytest.approx(rouge)


@given(_TEXTS, _TEXTS)
def test_scores_are_symmetric_and_bounded(first: str, second: str) -> None:
    for score in (character_f1, rouge_l, exact_match):
        assert score(first, second) == score(second, first)
        assert 0 <= score(first, second) <= 1
    assert rouge_l(first, second) <= character_f1(first, second) + 1e-12
    assert exact_match(first, second) <= rouge_l(first, second)


@given(_TEXTS)
def test_a_text_is_equal_to_itself_in_any_dress(text: str) -> None:
    for score in (character_f1, rouge_l, exact_match):
        assert score(text, f" {text.upper()}。") == 1.0


@given(st.lists(st.sampled_from("abc"), max_size=15), st.lists(st.sampled_from("abcd"), max_size=15))
def test_bit_vectors_find_what_the_table_finds(first: list[str], second: list[str]) -> None:
    row = [0] * (len(second) + 1)
    for unit in first:
        above = row
        row = [0]
        for place, other in enumerate(second, start=1):
            row.append(above[place - 1] + 1 if unit == other else max(above[place], row[-1]))
    assert common_subsequence(first, second) == row[-1]


@pytest.mark.parametrize(
    ("gold", "found"), [("八时 交接", True), ("八时接", False), ("。", False), ("", False), ("ＡＢ", True)]
)
def test_contains(gold: str, found: bool) -> None:
    assert contains("值班员每日八时，交接班ab。", gold) is found


@given(_TEXTS, _TEXTS, _TEXTS)
def test_quotes_are_verbatim_and_their_share_bounded(before: str, text: str, after: str) -> None:
    assert quoted_share(text, before + text + after) == 1.0
    assert 0 <= quoted_share(text, after) <= 1


def test_share_counts_runs_and_not_scattered_characters() -> None:
    source = "值班员每日八时交接班，交接时清点装备。"
    assert quoted_share("值班员每日八时交接班然后下班回家", source) == 10 / 16
    assert quoted_share("备装点清时接交", source) == 0.0
