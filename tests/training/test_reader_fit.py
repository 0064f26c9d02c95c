"""Planted passages: which unit holds the answer is known, and by what it can be told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study_bot.answering.reader import UNIT_FEATURES
from study_bot.evaluation.datasets import Query
from study_bot.evaluation.expectations import expectation_of
from study_bot.index.builder import build_index
from study_bot.training.reader_fit import (
    MAX_PASSAGES,
    ReaderExample,
    ReaderRecipe,
    fit_reader,
    held_out,
    price_for,
    reader_examples,
    readings,
)
from study_bot.training.sets import SetSource, open_sets
from tests.answering.samples import tags, tokens
from tests.index.builder_fakes import SETTINGS, TODAY, FakeEncoder

SIZE = len(UNIT_FEATURES)
RECIPE = ReaderRecipe(budget=20.0)


def planted(
    count: int, name: str = "covered", *, source: str = "甲", apart: float = 4.0, seed: int = 0, units: int = 5
):
    """Passages of `units` units of ten characters; of the one that holds the answer the named feature stands higher."""
    random = np.random.default_rng(seed)
    examples = []
    for number in range(count):
        features = random.standard_normal((units, SIZE))
        right = int(random.integers(units))
        features[right, UNIT_FEATURES.index(name)] += apart
        words = tuple("答案在此句里面没有错。" if unit == right else "这一句说的是别的事情。" for unit in range(units))
        examples.append(
            ReaderExample(
                source=source,
                golds=frozenset({f"{source}{number}"}),
                features=features,
                holds=np.arange(units) == right,
                lengths=np.full(units, 10),
                words=words,
                answers=("答案在此",),
            )
        )
    return examples


def hit_share(model, examples) -> float:
    return float(np.mean([e.holds[model.probabilities(e.features).argmax()] for e in examples]))


class TestFit:
    """Weights and price."""

    def test_what_tells_the_right_unit_is_learned(self) -> None:
        model = fit_reader(planted(150), RECIPE)
        place = UNIT_FEATURES.index("covered")
        assert model.weights[place] > 3 * np.abs(np.delete(model.weights, place)).max() > 0
        assert hit_share(model, planted(100, seed=1)) > 0.9

    def test_any_of_several_right_units_will_do(self) -> None:
        examples = [replace(e, holds=e.holds | (np.arange(5) == 0)) for e in planted(150)]
        model = fit_reader(examples, RECIPE)
        assert hit_share(model, examples) > 0.9

    def test_passages_of_different_length_are_fitted_together(self) -> None:
        model = fit_reader([*planted(80, units=2), *planted(80, units=9, seed=1)], RECIPE)
        assert hit_share(model, planted(60, units=4, seed=2)) > 0.85

    def test_a_feature_that_never_changes_does_no_harm(self) -> None:
        examples = planted(60)
        for example in examples:
            example.features[:, UNIT_FEATURES.index("place")] = 3.0
        model = fit_reader(examples, RECIPE)
        assert model.scale[UNIT_FEATURES.index("place")] == 1.0
        assert model.weights[UNIT_FEATURES.index("place")] == pytest.approx(0, abs=1e-6)

    def test_a_large_set_does_not_drown_a_small_one(self) -> None:
        large = planted(900, "covered", source="大")
        small = planted(90, "form", source="小", seed=1)
        weights = fit_reader([*large, *small], ReaderRecipe(small_set=200.0)).weights
        alike = fit_reader([*large, *small], ReaderRecipe(small_set=1e-6)).weights
        ratio = [w[UNIT_FEATURES.index("form")] / w[UNIT_FEATURES.index("covered")] for w in (weights, alike)]
        assert 0.1 < ratio[0] < ratio[1]

    def test_the_same_examples_give_the_same_reader(self) -> None:
        first, second = (fit_reader(planted(80), RECIPE) for _ in range(2))
        assert first.to_json() == second.to_json()

    @pytest.mark.parametrize("budget", [10.0, 15.0, 25.0, 50.0])
    def test_the_price_keeps_to_the_budget(self, budget: float) -> None:
        examples = planted(120, apart=2.0)
        model = fit_reader(examples, ReaderRecipe(budget=budget))
        quoted, cheaper = (
            np.mean([r.characters for r in readings(model, examples, price)])
            for price in (model.price, model.price / 1.1)
        )
        assert quoted == pytest.approx(budget, rel=0.02) or quoted < budget  # prices are rounded to four digits
        assert cheaper > budget or model.price <= 1e-5
        assert model.price == price_for(model, examples, budget)


class TestReadings:
    """What would be quoted."""

    @given(st.integers(0, 9), st.floats(1e-5, 1e-1), st.floats(1, 100))
    @settings(max_examples=40)
    def test_a_higher_price_quotes_less(self, seed: int, price: float, dearer: float) -> None:
        examples = planted(12, seed=seed, apart=1.0)
        model = MODEL
        cheap, dear = (readings(model, examples, own) for own in (price, price * dearer))
        for before, after in zip(cheap, dear, strict=True):
            assert before.characters >= after.characters >= 10
            assert before.found or not after.found

    def test_an_answer_over_several_sentences_is_found_when_all_are_quoted(self) -> None:
        (example,) = planted(1, units=2)
        example = replace(example, words=("前一半在这里", "后一半在那里"), answers=("在这里后一半",))
        assert readings(MODEL, [example], 1e-9)[0].found
        assert not readings(MODEL, [example], 1.0)[0].found
        assert readings(MODEL, [example], 1.0)[0].characters == 10

    def test_each_example_is_read_by_a_model_that_has_not_seen_its_fold(self) -> None:
        examples = planted(30)
        folds = np.arange(30) % 3
        seen: list[set[str]] = []

        def fit(own, recipe):
            seen.append({gold for example in own for gold in example.golds})
            return replace(MODEL, price=1.0 / len(seen))

        found = held_out(examples, folds, RECIPE, fit)
        assert len(found) == 30
        for fold, own in enumerate(seen):
            assert own == {f"甲{n}" for n in range(30) if n % 3 != fold}
        for place, reading in enumerate(found):
            assert reading == readings(MODEL, [examples[place]], 1.0 / (place % 3 + 1))[0]


MODEL = fit_reader(planted(60), RECIPE)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[ReaderExample]]:
    folder = tmp_path_factory.mktemp("set")
    texts = {
        "a": "自习室在河边。自习室每晚开放到十点。灯光合适。",
        "b": "没有第二句的段落",
        "c": "答案跨过句号。它在这里结束了。另有一句。",
        **{f"d{n}": f"第{n}间阅览室关门了。阅览室早上八点开门。" for n in range(5)},
    }
    asked = {
        "found": ("自习室开放到几点？", "十点", ["a"]),
        "elsewhere": ("自习室开放到几点？", "九点", ["a"]),
        "one unit": ("有第二句吗？", "没有第二句", ["b"]),
        "across": ("答案跨过什么？", "答案跨过句号。它在这里", ["c"]),
        "many": ("阅览室几点开门？", "八点", [f"d{n}" for n in range(5)]),
        "no answer": ("灯光怎样？", None, ["a"]),
    }
    (folder / "qrels").mkdir()
    write_lines(folder / "corpus.jsonl", [{"_id": i, "title": "简报", "text": t} for i, t in texts.items()])
    questions = [
        {"_id": i, "text": t, "metadata": {} if answer is None else {"answer": answer}}
        for i, (t, answer, _) in asked.items()
    ]
    write_lines(folder / "queries.jsonl", questions)
    lines = [f"{i}\t{gold}\t1\n" for i, (_, _, golds) in asked.items() for gold in golds]
    (folder / "qrels/dev.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(lines), encoding="utf-8")
    encoder = FakeEncoder()
    build_index([folder / "corpus.jsonl"], folder / "index", SETTINGS, encoder, today=TODAY)  # type: ignore[arg-type]
    (data,) = open_sets([SetSource(folder, "dev", folder / "index")], encoder, TODAY, lambda line: None)
    expected = {q["_id"]: expectation_of(Query(q["_id"], q["text"], q["metadata"])) for q in questions}
    made: dict[str, list[ReaderExample]] = {}
    for question in data.questions:
        made[question.query_id] = reader_examples(replace(data, questions=(question,)), expected, tokens, tags)
    return made


class TestExamples:
    """From questions and passages."""

    def test_the_units_that_hold_the_answer_are_marked(self, examples: dict[str, list[ReaderExample]]) -> None:
        (found,) = examples["found"]
        assert found.holds.tolist() == [False, True, False]
        assert found.words[1] == "自习室每晚开放到十点"
        assert found.lengths.tolist() == [7, 11, 5]
        assert found.features.shape == (3, SIZE)
        assert (found.golds, found.answers) == (frozenset({"a"}), ("十点",))

    def test_an_answer_over_a_full_stop_marks_the_sentences_it_is_made_of(self, examples) -> None:
        (found,) = examples["across"]
        assert found.holds.tolist() == [True, False, False]

    @pytest.mark.parametrize("name", ["elsewhere", "one unit", "no answer"])
    def test_what_shows_nothing_gives_no_example(self, examples, name: str) -> None:
        assert examples[name] == []

    def test_a_question_gives_a_few_examples_at_most(self, examples) -> None:
        assert [e.holds.tolist() for e in examples["many"]] == [[False, True]] * MAX_PASSAGES


def write_lines(path: Path, records: list[dict]) -> None:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
