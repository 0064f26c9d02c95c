"""The gate: what it looks at, what it makes of it, and its file; the form of an answer, and the words that only ask."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from study_bot.answering.confidence import (
    COSINE_FEATURES,
    GATE_FEATURES,
    GATE_FILE,
    GateEvidence,
    GateModel,
    GateModels,
    gate_features,
    load_gate,
    unseen_share,
)
from study_bot.answering.extractive import read
from study_bot.answering.forms import expected_form
from study_bot.answering.learned import load_learned, packaged
from study_bot.answering.reader import READER_FILE
from study_bot.answering.terms import QuestionTerms, content_words
from study_bot.errors import LearnedFileError
from study_bot.retrieval.cues import QuestionKind
from study_bot.retrieval.features import QUESTION_FEATURES
from study_bot.types import Hit
from tests.answering.samples import SmallLibrary, reader_of, shipped_reader, tags, tokens

SIZE = len(GATE_FEATURES)
SMALL = SmallLibrary()
SHIPPED = load_gate(packaged(GATE_FILE))

features = arrays.arrays(np.float64, SIZE, elements=st.floats(-1e200, 1e200))


def gate_of(bias: float = 0.0, threshold: float = 0.5, **weights: float) -> GateModel:
    """A gate with these weights and no others, over features as they are."""
    values = np.array([weights.pop(name, 0.0) for name in GATE_FEATURES])
    assert not weights, f"no such feature: {weights}"
    return GateModel(np.zeros(SIZE), np.ones(SIZE), values, np.zeros((SIZE, SIZE)), bias, threshold)


def evidence_of(
    question: str, *hits: Hit, signals: tuple[float, ...] = (0.0,) * len(QUESTION_FEATURES), unseen: float = 0.0
) -> GateEvidence:
    asked = SMALL.asked(question)
    return GateEvidence(hits, asked, read(hits, asked, shipped_reader(), tokens, tags), signals, unseen)


def looked_at(evidence: GateEvidence) -> dict[str, float]:
    return dict(zip(GATE_FEATURES, gate_features(evidence, tokens).tolist(), strict=True))


class TestFeatures:
    """What the gate looks at."""

    def test_cosines_are_the_best_and_how_far_they_stand_out(self) -> None:
        hits = [
            replace(hit, dense=dense, adapted=adapted)
            for hit, dense, adapted in zip(
                SMALL.hits("每日巡查", "连续三次", "优先预约"), (0.8, 0.9, 0.7), (0.5, 0.2, None), strict=True
            )
        ]
        found = looked_at(evidence_of("巡查几次", *hits))
        assert found["dense_top"] == 0.9
        assert found["dense_margin"] == pytest.approx(0.1)
        assert found["adapted_top"] == 0.5
        assert found["adapted_margin"] == pytest.approx(0.15)

    def test_the_search_as_a_whole_is_taken_as_it_is(self) -> None:
        signals = dict(zip(QUESTION_FEATURES, (0.1, 0.2, 0.3, 0.4, 0.5), strict=True))
        found = looked_at(
            evidence_of("巡查几次", *SMALL.hits("每日巡查"), signals=tuple(signals.values()), unseen=0.25)
        )
        for name in ("dense_spread", "bm25_spread", "agreement"):
            assert found[name] == signals[name]
        assert found["unseen"] == 0.25

    def test_words_of_the_question_are_looked_for_in_each_hit_and_in_all(self) -> None:
        first, second = SMALL.hits("每日巡查", "连续三次不到")
        own = looked_at(evidence_of("值班员每日巡查", first, second))
        assert own["covered"] == own["covered_first"] == own["piece_covered"] == own["run_share"] == 1.0
        assert own["covered_squared"] == 1.0
        swapped = looked_at(evidence_of("值班员每日巡查", second, first))
        assert swapped["covered"] == 1.0
        assert swapped["covered_first"] < 0.5
        both = looked_at(evidence_of("巡查时连续不到", first, second))
        assert both["covered_together"] > both["covered"] > 0
        assert both["covered_squared"] == pytest.approx(both["covered"] ** 2)
        strange = looked_at(evidence_of("鲸鱼怎样睡眠", first, second))
        assert [strange[name] for name in ("covered", "covered_together", "rare_covered", "run_share")] == [0.0] * 4

    def test_the_form_of_the_answer_is_looked_for(self) -> None:
        hit = SMALL.hits("保留座位十分钟")[0]
        number = looked_at(evidence_of("保留座位多少分钟", hit))
        assert (number["asks_fact"], number["form_found"], number["form_missing"]) == (1, 1, 0)
        penalty = looked_at(evidence_of("保留座位怎么处罚", hit))
        assert (penalty["asks_fact"], penalty["form_found"], penalty["form_missing"]) == (1, 0, 1)
        anything = looked_at(evidence_of("保留座位", hit))
        assert (anything["asks_fact"], anything["form_found"], anything["form_missing"]) == (0, 0, 0)

    def test_the_reader_is_heard(self) -> None:
        hits = SMALL.hits("第二天来了五十人", "每日巡查", gap=2.0)
        asked = SMALL.asked("第二天来了多少人")
        pieces = read(hits, asked, reader_of(covered=50.0), tokens, tags)
        found = looked_at(GateEvidence(hits, asked, pieces, (0.0,) * len(QUESTION_FEATURES), 0.0))
        assert found["passage_probability"] == pytest.approx(1 / (1 + np.exp(-2)))
        assert found["piece_probability"] == pytest.approx(
            max(p.probability for p in pieces) / found["passage_probability"]
        )

    def test_nothing_found_gives_nothing(self) -> None:
        assert not gate_features(evidence_of("巡查几次"), tokens).any()

    @given(
        st.lists(st.sampled_from(SMALL.passages), min_size=1, max_size=8, unique_by=lambda p: p.passage_id),
        st.lists(st.none() | st.floats(-1, 1), min_size=8, max_size=8),
        st.text(alphabet="值班员每日巡查几次谁哪些？ 1第条a", min_size=1, max_size=12),
    )
    def test_any_search_gives_finite_numbers(self, passages: list, cosines: list[float | None], question: str) -> None:
        hits = [Hit(p, 0.0, dense=c, adapted=c) for p, c in zip(passages, cosines, strict=False)]
        found = gate_features(evidence_of(question, *hits), tokens)
        assert found.shape == (SIZE,)
        assert np.isfinite(found).all()

    def test_unseen_is_the_weight_of_what_no_passage_has(self) -> None:
        terms = QuestionTerms({"常见": 1.0, "没有": 3.0})
        assert unseen_share(terms, ["常见"]) == 0.75
        assert unseen_share(terms, ["常见", "没有"]) == 0.0
        assert unseen_share(QuestionTerms({}), []) == 0.0


class TestModel:
    """What the gate makes of the features."""

    @given(features)
    def test_any_features_give_a_probability(self, values: np.ndarray) -> None:
        for gate in (SHIPPED.full, SHIPPED.lexical, gate_of(bias=1e6, covered=1e6)):
            assert 0 <= gate.probability(values) <= 1

    def test_it_is_the_formula(self) -> None:
        random = np.random.default_rng(5)
        mean, scale, weights, values = random.random((4, SIZE))
        crossed = np.triu(random.standard_normal((SIZE, SIZE))) / 10
        gate = GateModel(mean, scale + 0.5, weights, crossed, -0.3, 0.5)
        z = (values - mean) / (scale + 0.5)
        score = -0.3 + sum(weights * z) + sum(crossed[f, g] * z[f] * z[g] for f in range(SIZE) for g in range(f, SIZE))
        assert gate.probability(values) == pytest.approx(1 / (1 + np.exp(-score)))

    def test_what_is_far_from_all_that_was_seen_counts_no_more_than_that(self) -> None:
        gate = gate_of(covered=1.0)
        far, farther = np.zeros(SIZE), np.zeros(SIZE)
        far[GATE_FEATURES.index("covered")], farther[GATE_FEATURES.index("covered")] = 5.0, 500.0
        assert gate.probability(far) == gate.probability(farther) < 1

    @given(features, st.lists(st.floats(-1, 1), min_size=len(COSINE_FEATURES), max_size=len(COSINE_FEATURES)))
    def test_cosines_have_no_effect_without_their_encoder(self, values: np.ndarray, cosines: list[float]) -> None:
        other = values.copy()
        other[[GATE_FEATURES.index(name) for name in COSINE_FEATURES]] = cosines
        assert SHIPPED.lexical.probability(values) == SHIPPED.lexical.probability(other)

    def test_the_encoder_decides_which_weights_hold(self, tmp_path: Path) -> None:
        models = GateModels("ours", gate_of(bias=1.0), gate_of(bias=-1.0))
        assert models.for_encoder("ours") is models.full
        assert models.for_encoder("another") is models.lexical
        (tmp_path / GATE_FILE).write_text(models.to_json(), "utf-8")
        assert load_learned(tmp_path, "ours").gate.bias == 1.0
        assert load_learned(tmp_path, "another").gate.bias == -1.0

    @pytest.mark.parametrize(
        "changed",
        [
            {"mean": np.zeros(SIZE - 1)},
            {"weights": np.zeros(SIZE + 1)},
            {"crossed": np.zeros((SIZE, SIZE - 1))},
            {"scale": np.zeros(SIZE)},
            {"threshold": 1.5},
            {"threshold": -0.1},
        ],
    )
    def test_what_does_not_fit_is_no_gate(self, changed: dict) -> None:
        with pytest.raises(ValueError, match=r"expected|crossed weights|above 0"):
            replace(gate_of(), **changed)


class TestFile:
    """The file of the gates."""

    def test_round_trip(self, tmp_path: Path) -> None:
        random = np.random.default_rng(2)
        curve = ((0.0, 1.0, 0.0), (0.5, 0.25, 0.125), (1.0, 0.0, 1.0))
        made = [
            GateModel(*random.random((3, SIZE)), random.random((SIZE, SIZE)), bias, 0.4, curve=curve, card={"题": n})
            for n, bias in enumerate((0.1, -0.2))
        ]
        path = tmp_path / GATE_FILE
        path.write_text(GateModels("ours", *made).to_json(), "utf-8")
        read_back = load_gate(path)
        assert read_back.model == "ours"
        for before, after in zip(made, (read_back.full, read_back.lexical), strict=True):
            assert (after.bias, after.threshold, after.curve, after.card) == (
                before.bias, before.threshold, curve, before.card,
            )  # fmt: skip
            for name in ("mean", "scale", "weights", "crossed"):
                np.testing.assert_allclose(getattr(after, name), getattr(before, name), rtol=1e-5)
        assert GateModels("ours", read_back.full, read_back.lexical).to_json() == path.read_text("utf-8")

    def test_what_ships_along_can_be_read(self) -> None:
        assert 0 < SHIPPED.lexical.threshold < 1
        assert not SHIPPED.lexical.weights[: len(COSINE_FEATURES)].any()

    @pytest.mark.parametrize("damage", ["missing", "empty", "cut", "features", "format", "key", "shape", "threshold"])
    def test_a_damaged_file_is_named_with_what_to_do(self, tmp_path: Path, damage: str) -> None:
        path = tmp_path / GATE_FILE
        text = GateModels("ours", gate_of(), gate_of()).to_json()
        data = json.loads(text)
        match damage:
            case "features":
                data["features"] = data["features"][::-1]
            case "format":
                data["format"] = 99
            case "key":
                del data["lexical"]["bias"]
            case "shape":
                data["full"]["mean"] = [0.0]
            case "threshold":
                data["full"]["threshold"] = "高"
        if damage != "missing":
            written = {"empty": "", "cut": text[: len(text) // 2]}.get(damage, json.dumps(data, ensure_ascii=False))
            path.write_text(written, "utf-8")
        with pytest.raises(LearnedFileError, match=r"gate\.json 无法使用.*study-bot train gate"):
            load_gate(path)
        if damage != "missing":
            with pytest.raises(LearnedFileError):
                load_learned(tmp_path, "ours")

    def test_each_file_that_a_site_lacks_is_taken_from_the_package(self, tmp_path: Path) -> None:
        assert load_learned(tmp_path, "any").gate.bias == SHIPPED.lexical.bias
        (tmp_path / READER_FILE).write_text(reader_of(price=0.07).to_json(), "utf-8")
        learned = load_learned(tmp_path, SHIPPED.model)
        assert learned.reader.price == 0.07
        assert learned.gate.bias == SHIPPED.full.bias


@pytest.mark.parametrize(
    ("kind", "fits", "lacks"),
    [
        (QuestionKind.WHEN, "每日十九时开始", "由值班员负责"),
        (QuestionKind.HOW_MANY, "保留座位十五分钟", "应当及时登记"),
        (QuestionKind.WHO, "由街道办事处的部门负责", "及时登记并公布"),
        (QuestionKind.LIST, "有下列情形之一的：", "应当登记。"),
        (QuestionKind.PENALTY, "处五十元罚款", "应当登记。"),
        (QuestionKind.ALLOWED, "不得喧哗", "每日巡查两次"),
    ],
)
def test_forms_of_answers(kind: QuestionKind, fits: str, lacks: str) -> None:
    form = expected_form(kind)
    assert form is not None
    assert form.search(fits)
    assert not form.search(lacks)


def test_nothing_is_expected_of_open_questions() -> None:
    assert expected_form(QuestionKind.OTHER) is None


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("自习室什么时候开门？", "自习室 开门 "),
        ("迟到多久算缺席", "迟到 算缺席"),
        ("谁负责登记吗？", " 负责登记  "),
        ("保留座位十五分钟", "保留座位十五分钟"),
        ("必学内容有哪些？", "必学内容"),
        ("居民享有什么权利", "居民享有 权利"),
    ],
)
def test_words_that_only_ask_are_not_looked_for(question: str, rest: str) -> None:
    assert content_words(question).split() == rest.split()
