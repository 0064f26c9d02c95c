"""The pages: whole, self-contained, and closed to whatever stands in questions and answers."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from study_bot.evaluation import svg
from study_bot.evaluation.answers_page import answers_html
from study_bot.evaluation.answers_report import AnswersReport, answers_report
from study_bot.evaluation.compare_page import compare_html
from study_bot.evaluation.comparison import Comparison, compare, measured
from study_bot.evaluation.expectations import Expectation
from study_bot.evaluation.retrieval_page import retrieval_html
from tests.evaluation.test_report import make_report

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&</style></svg>]]>"

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Elements, attributes and texts of a page; fails where elements are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def _record(query_id: str, confidence: float, *, refused: bool = False, words: str = HOSTILE) -> dict:
    return {
        "_id": query_id,
        "question": f"{words}？",
        "answer": words,
        "refused": refused,
        "reason": "not_in_library" if refused else None,
        "confidence": confidence,
        "citations": [] if refused else [{"n": 1, "doc_id": "d1", "title": words, "locator": words, "quote": words}],
        "latency_ms": {"encode": 1.0, "retrieve": 2.0, "answer": 3.0, "total": 5.0 + confidence},
        "build_id": words,
    }


def make_answers(words: str = HOSTILE) -> AnswersReport:
    records = [
        _record("q1", 0.9, words=words),
        _record("q2", 0.7, words=words),
        {**_record("q5", 0.7, words=words), "choice": {"picked": [words], "scores": [0.5, 0.5]}},
        _record("q3", 0.2, refused=True, words=words),
        _record("q4", 0.8, words=words),
    ]
    expected = {
        "q1": Expectation(answers=(words,), category=words),
        "q2": Expectation(answers=("别的",), category=words),
        "q3": Expectation(must=(words,), category="b"),
        "q4": Expectation(refuse=True),
        "q5": Expectation(options=(words, "乙"), right=frozenset({1})),
    }
    return answers_report(records, expected, dataset=words, split="dev", threshold=0.5, created=words)


def make_comparison(words: str = HOSTILE) -> Comparison:
    def result(value: float) -> dict:
        entry = {"query_id": words, "text": words, "category": words, "scores": {"F1": value, words: value}}
        return {"results": [entry | {"answer": words, "expected": [words]}]}

    return compare(measured(words, result(0.0)), measured("B", result(1.0)))


def _pages() -> dict[str, str]:
    report = make_report()
    hostile = replace(
        report,
        dataset=HOSTILE,
        results=tuple(
            replace(r, text=HOSTILE, category=HOSTILE, query_id=HOSTILE + r.query_id) for r in report.results
        ),
        documents=dict.fromkeys(report.documents, HOSTILE),
        categories={HOSTILE: {"questions": 3.0, "R@5": 0.5}},
    )
    return {
        "retrieval": retrieval_html(hostile, {"d1": HOSTILE, "d2": HOSTILE}),
        "answers": answers_html(make_answers()),
        "compare": compare_html(make_comparison(), HOSTILE),
    }


@pytest.mark.parametrize("name", ["retrieval", "answers", "compare"])
def test_hostile_text_stays_text(name: str) -> None:
    page = Page(_pages()[name])
    assert HOSTILE in page.text
    tags = {tag for tag, _ in page.elements}
    assert tags.isdisjoint({"script", "img", "iframe", "object", "link", "a", "form"})
    for _, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key in {"src", "href", "style"}]


@pytest.mark.parametrize("name", ["retrieval", "answers", "compare"])
def test_page_needs_nothing_from_elsewhere(name: str) -> None:
    text = _pages()[name]
    assert "url(" not in text
    assert "@import" not in text
    assert not re.search(r"https?://", text)
    elements = Page(text).elements
    assert ("html", {"lang": "zh-CN"}) in elements
    policy = next(a["content"] for tag, a in elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert all(a.get("aria-label") or a.get("aria-hidden") for tag, a in elements if tag == "svg")


def test_retrieval_page_lists_what_was_missed_worst_first() -> None:
    text = Page(retrieval_html(make_report(), {"d2": "迟到的应当说明理由。"})).text
    assert text.index("谁批准？") < text.index("迟到\n怎么办？")
    assert "谁来|值班？" not in text
    assert "迟到的应当说明理由。" in text
    assert "未检出" in text
    assert "共 2 题，列出 2 题" in text


def test_answers_page_puts_gold_and_answer_side_by_side() -> None:
    text = Page(answers_html(make_answers("值班员每日八时交接班"))).text
    assert "共 4 题，列出最差的 4 题" in text
    assert "应当拒答（文献中没有答案）" in text
    assert "拒答：文献中没有依据" in text
    assert "1 / 1 题" in text  # false answers
    assert "现用阈值 0.5" in text
    for part in ("误拒率", "误答率", "可靠性", "风险与覆盖", "p99"):
        assert part in text


def test_page_of_questions_without_golds_has_no_verdicts() -> None:
    report = answers_report([_record("q1", 0.9, words="答")], {"q1": Expectation()}, dataset="set")
    text = Page(answers_html(report)).text
    assert not report.is_scored
    assert "答错" not in text
    assert "误拒率" not in text
    assert "用时" in text


def test_comparison_page_names_both_results_and_signs() -> None:
    page = compare_html(make_comparison())
    assert "+1.000" in Page(page).text
    assert "<h2>变好的题</h2>" in page
    assert "<h2>变差的题</h2>" not in page


def test_histogram_counts_every_value_once() -> None:
    values = [0.0, 3.0, 12.0, 12.5, 49.0, 51.0, 800.0]
    bars = svg.histogram(values)
    assert sum(count for _, count in bars) == len(values)
    assert len(bars) <= 9
    assert bars[0][0] == "0"
    assert svg.histogram([]) == []
    assert svg.histogram([0.0, 0.0]) == [("0", 2)]


def test_last_bar_of_a_long_tail_is_open() -> None:
    bars = svg.histogram([float(n % 50) for n in range(500)] + [9999.0])
    assert bars[-1][0].endswith("+")
    assert sum(count for _, count in bars) == 501


def test_numbers_of_a_plot_stay_inside_it() -> None:
    drawn = svg.curves("t", [svg.Series("a", [(0.0, 0.0), (1.0, 5.0)])], x_title="x", x_mark=(1.0, "m"), y_top=0.5)
    for x, y in re.findall(r"([\d.]+),([\d.]+)", drawn):
        assert 0 <= float(x) <= svg.WIDTH
        assert 0 <= float(y) <= svg.HEIGHT
