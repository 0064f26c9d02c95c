"""Which unit of a passage answers: its features, the shipped weights on planted questions, and the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from study_bot.answering.reader import (
    READER_FILE,
    UNIT_FEATURES,
    ReaderModel,
    load_reader,
    longest_run,
    plain_characters,
    reader_question,
    softmax,
    unit_features,
)
from study_bot.answering.terms import content_words, question_terms
from study_bot.errors import LearnedFileError
from tests.answering.samples import reader_of, shipped_reader, tags, tokens

SIZE = len(UNIT_FEATURES)
CHARACTERS = "夜读灯谁什么时候几次为因在哪里是，。、：第1２年月日a B\n"


def features_of(question: str, units: Sequence[str], title: str = "夜读纪实") -> np.ndarray:
    """Features of units in a library of these units alone."""
    texts = [set(tokens(unit)) for unit in units]
    terms = question_terms(
        tokens(content_words(question)), lambda token: sum(token in text for text in texts), len(texts)
    )
    return unit_features(reader_question(question, terms), title, units, tokens, tags)


def column(features: np.ndarray, name: str) -> list[float]:
    return features[:, UNIT_FEATURES.index(name)].tolist()


units_of_text = st.lists(st.text(alphabet=CHARACTERS, min_size=1, max_size=30), min_size=1, max_size=6)


class TestFeatures:
    """What the words show."""

    @given(st.text(alphabet=CHARACTERS, min_size=1, max_size=20), units_of_text, st.text(CHARACTERS, max_size=6))
    def test_any_passage_gives_a_finite_row_for_each_unit(self, question: str, units: list[str], title: str) -> None:
        found = features_of(question, units, title)
        assert found.shape == (len(units), SIZE)
        assert np.isfinite(found).all()
        assert shipped_reader().probabilities(found).sum() == pytest.approx(1)

    @given(st.text(alphabet=CHARACTERS, min_size=1, max_size=20), units_of_text)
    def test_rows_stand_in_reading_order_and_know_their_neighbours(self, question: str, units: list[str]) -> None:
        found = features_of(question, units)
        covered, local = column(found, "covered"), column(found, "covered_locally")
        assert column(found, "first") == [1.0] + [0.0] * (len(units) - 1)
        assert column(found, "place") == [i / len(units) for i in range(len(units))]
        assert column(found, "previous") == [0.0, *covered[:-1]]
        assert column(found, "next") == [*covered[1:], 0.0]
        assert column(found, "previous_locally") == [0.0, *local[:-1]]
        assert column(found, "next_locally") == [*local[1:], 0.0]

    def test_no_units_give_no_rows(self) -> None:
        assert features_of("谁来", []).shape == (0, SIZE)

    def test_coverage_is_the_share_of_the_questions_words(self) -> None:
        found = features_of("管理员检查门窗", ["管理员检查门窗。", "管理员走了。", "天黑了。"])
        covered = column(found, "covered")
        assert covered[0] == 1.0 > covered[1] > covered[2] == 0.0
        assert column(found, "best") == [1.0, 0.0, 0.0]
        assert column(found, "longest_run") == pytest.approx([1.0, 3 / 7, 0.0])

    def test_only_a_number_the_question_lacks_is_new(self) -> None:
        found = features_of("2024年的活动有多少人参加", ["2024年办了活动。", "2024年有30人参加。", "大家都来了。"])
        assert column(found, "how_many_new_number") == [0.0, 1.0, 0.0]
        assert column(found, "when_new_number") == [0.0] * 3

    def test_names_are_looked_for_only_where_one_is_asked_for(self) -> None:
        asked: list[str] = []

        def noting(text: str) -> set[str]:
            asked.append(text)
            return {"nr"}

        units = ["李明带队。", "大家出发。"]
        for question, calls in (("活动有多少人", 0), ("谁带队", 2)):
            asked.clear()
            terms = question_terms(tokens(question), lambda token: 1, 2)
            found = unit_features(reader_question(question, terms), "t", units, tokens, noting)
            assert len(asked) == calls
            assert column(found, "who_name") == [float(calls > 0)] * 2


PLANTED = {
    "day": (
        "自习室是什么时候开放的？",
        ["街道办了一间自习室。", "自习室于2021年4月1日开放。", "居民都说灯光合适。"],
        1,
    ),
    "person": (
        "谁负责自习室的登记？",
        ["自习室里灯光明亮。", "自习室的桌椅是新的。", "自习室的登记由王建国负责。"],
        2,
    ),
    "place": (
        "自习室在哪里？",
        ["自习室在江临市东湖路。", "自习室的灯光明亮。", "居民每天都来。"],
        0,
    ),
    "reason": (
        "为什么自习室延长开放？",
        ["自习室开放到十点。", "因为备考的居民多，自习室延长了开放。", "大家都说好。"],
        1,
    ),
    "number": (
        "自习室有多少个座位？",
        ["自习室的座位靠窗。", "自习室设有八十个座位。", "居民每天都来。"],
        1,
    ),
    "meaning": (
        "什么是公共自习室？",
        ["公共自习室是指由街道开办、向居民开放的阅读场所。", "公共自习室很安静。", "居民每天都来公共自习室。"],
        0,
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_the_unit_that_answers_is_the_likeliest(planted: str) -> None:
    question, units, right = PLANTED[planted]
    likely = shipped_reader().probabilities(features_of(question, units, "街道工作简报"))
    assert int(likely.argmax()) == right


class TestModel:
    """From features to probabilities."""

    @given(arrays.arrays(np.float64, st.tuples(st.integers(1, 9), st.just(SIZE)), elements=st.floats(-1e6, 1e6)))
    def test_probabilities_of_units_sum_to_1(self, features: np.ndarray) -> None:
        likely = shipped_reader().probabilities(features)
        assert likely.shape == (len(features),)
        assert (likely >= 0).all()
        assert likely.sum() == pytest.approx(1)

    @given(st.lists(st.floats(-1e6, 1e6), max_size=9), st.floats(0.01, 100))
    def test_probabilities_of_passages_follow_the_scores(self, scores: list[float], temperature: float) -> None:
        likely = reader_of(passage_temperature=temperature).passage_probabilities(scores)
        assert likely.sum() == pytest.approx(1 if scores else 0)
        assert likely[np.argsort(scores)].tolist() == sorted(likely.tolist())

    def test_it_is_the_formula(self) -> None:
        random = np.random.default_rng(4)
        mean, scale, weights = random.random((3, SIZE))
        features = random.random((3, SIZE))
        powers = np.exp([sum(weights * (row - mean) / (scale + 1)) for row in features])
        np.testing.assert_allclose(ReaderModel(mean, scale + 1, weights).probabilities(features), powers / powers.sum())
        assert reader_of(passage_temperature=2.0).passage_probabilities([4.0, 2.0])[0] == pytest.approx(
            1 / (1 + np.exp(-1))
        )

    def test_softmax_of_nothing_is_nothing(self) -> None:
        assert softmax(np.zeros(0)).shape == (0,)

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"mean": np.zeros(SIZE - 1)}, "features expected"),
            ({"weights": np.zeros((1, SIZE))}, "features expected"),
            ({"scale": np.zeros(SIZE)}, "above 0"),
            ({"passage_temperature": 0.0}, "above 0"),
            ({"price": -0.1}, "above 0"),
        ],
    )
    def test_what_does_not_fit_is_no_reader(self, changed: dict, words: str) -> None:
        given_arrays = {"mean": np.zeros(SIZE), "scale": np.ones(SIZE), "weights": np.zeros(SIZE)}
        with pytest.raises(ValueError, match=words):
            ReaderModel(**(given_arrays | changed))


class TestFile:
    """The file of the reader."""

    def test_round_trip(self, tmp_path: Path) -> None:
        random = np.random.default_rng(2)
        made = ReaderModel(*random.random((3, SIZE)), passage_temperature=1.5, price=0.0123, card={"题": 7})
        path = tmp_path / READER_FILE
        path.write_text(made.to_json(), "utf-8")
        after = load_reader(path)
        assert (after.passage_temperature, after.price, after.card) == (1.5, 0.0123, {"题": 7})
        for name in ("mean", "scale", "weights"):
            np.testing.assert_allclose(getattr(after, name), getattr(made, name), rtol=1e-5)
        assert after.to_json() == path.read_text("utf-8")

    @pytest.mark.parametrize("damage", ["missing", "empty", "cut", "features", "format", "key", "shape", "price"])
    def test_a_damaged_file_is_named_with_what_to_do(self, tmp_path: Path, damage: str) -> None:
        path = tmp_path / READER_FILE
        text = reader_of().to_json()
        data = json.loads(text)
        match damage:
            case "features":
                data["features"] = data["features"][1:]
            case "format":
                data["format"] = 99
            case "key":
                del data["price"]
            case "shape":
                data["weights"] = data["weights"][1:]
            case "price":
                data["price"] = 0
        if damage != "missing":
            written = {"empty": "", "cut": text[: len(text) // 2]}.get(damage, json.dumps(data, ensure_ascii=False))
            path.write_text(written, "utf-8")
        with pytest.raises(LearnedFileError, match=r"reader\.json 无法使用.*study-bot train reader"):
            load_reader(path)


class TestRuns:
    """Strings of characters that question and unit share."""

    @given(st.text(alphabet="夜读灯", max_size=9), st.text(alphabet="夜读灯", max_size=9))
    def test_the_longest_run_is_that_of_brute_force(self, question: str, unit: str) -> None:
        shared = [
            end - start
            for start in range(len(question) + 1)
            for end in range(start, len(question) + 1)
            if question[start:end] in unit
        ]
        assert longest_run(question, unit) == longest_run(unit, question) == max(shared)

    def test_plain_characters(self) -> None:
        assert plain_characters("《夜读_A》 第 12 条，灯！") == "夜读a第12条灯"
