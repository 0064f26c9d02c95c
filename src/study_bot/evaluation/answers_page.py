"""The page of a report on answers."""

from __future__ import annotations

from study_bot.evaluation import svg
from study_bot.evaluation.answers_report import AnswerResult, AnswersReport
from study_bot.evaluation.measures import describe
from study_bot.evaluation.page import (
    Cell,
    Tile,
    esc,
    legend,
    page,
    paragraph,
    plots,
    question_card,
    section,
    table,
    tiles,
)
from study_bot.evaluation.svg import Series
from study_bot.evaluation.tables import category_table, measure_table, shown

# Questions listed one by one; the CSV has all.
_LISTED = 30

_PARTS = {"encode": "编码", "retrieve": "检索（含编码）", "answer": "作答", "total": "合计"}

REASONS = {
    "not_in_library": "文献中没有依据",
    "article_not_found": "没有这一条",
    "law_not_found": "没有这部文献",
    "not_in_force": "当时没有有效版本",
    "unclear": "问题不明确",
    "empty_library": "文献库为空",
}


def answers_html(report: AnswersReport) -> str:
    """The page."""
    facts = {
        "分组": report.split,
        "题数": str(report.questions),
        "拒答": f"{report.refused} 题",
        "索引": report.build_id,
        "拒答阈值": f"{report.refusal.threshold:g}" if report.refusal.threshold is not None else "",
        "生成时间": report.created,
    }
    return page(
        "回答评测",
        report.dataset,
        facts,
        [
            tiles(_tiles(report)),
            section(
                "指标",
                measure_table(report.per_question),
                lead="细线为均值的 95% 区间；各指标只计适用的题。",
            ),
            section("拒答", _refusal_plots(report)),
            section("置信度", _confidence_plots(report), lead=_confidence_words(report)),
            section("分类结果", category_table(report.categories)),
            section("用时", _latency(report)),
            _worst(report),
        ],
    )


def _tiles(report: AnswersReport) -> list[Tile]:
    """Headline figures; quotes that hold the gold are shown with the length that they cost."""
    entries = []
    for name, value in report.metrics.items():
        info = describe(name)
        if not info.headline:
            continue
        below = f"{report.counts[name]} 题"
        if name == "gold_in_quotes" and "chars" in report.metrics:
            below = f"回答平均 {report.metrics['chars']:.0f} 字"
        if name == "false_answer":
            below = f"{report.refusal.false_answers} / {report.refusal.unanswerable} 题"
        if name == "false_refusal":
            below = f"{report.refusal.false_refusals} / {report.refusal.answerable} 题"
        entries.append(Tile(info.label, shown(name, value), below))
    return entries


def _refusal_plots(report: AnswersReport) -> str:
    refusal = report.refusal
    lines = [
        Series("误拒率", [(p.threshold, p.false_refusal) for p in refusal.curve if p.false_refusal is not None], 1),
        Series("误答率", [(p.threshold, p.false_answer) for p in refusal.curve if p.false_answer is not None], 2),
    ]
    lines = [line for line in lines if line.points]
    if not lines:
        return ""
    mark = (refusal.threshold, f"现用阈值 {refusal.threshold:g}") if refusal.threshold is not None else None
    words = "不同阈值下的两种错误：误拒是有答案而拒答，误答是没有答案而作答。按规则直接拒答的题置信度为 0。"
    if refusal.best is not None:
        words += (
            f"两者之和最小处：阈值 {refusal.best.threshold:g}，误答率 {refusal.best.false_answer:.3f}，"
            f"误拒率 {refusal.best.false_refusal:.3f}。"
        )
    plot = legend(lines) + svg.curves("拒答阈值与两种错误率", lines, x_title="拒答阈值（置信度）", x_mark=mark)
    reasons: dict[str, int] = {}
    for result in report.results:
        if result.refused:
            reasons[result.reason] = reasons.get(result.reason, 0) + 1
    rows = [
        [Cell(esc(REASONS.get(reason, reason or "—"))), Cell(str(count), number=True)]
        for reason, count in sorted(reasons.items(), key=lambda entry: -entry[1])
    ]
    return plots(("阈值与错误率", plot, words), ("拒答的原因", table(("原因", "题数"), rows), ""))


def _confidence_words(report: AnswersReport) -> str:
    calibration = report.calibration
    if calibration.brier is None or calibration.error is None or calibration.area_under_risk is None:
        return ""
    return (
        f"给出回答且能判对错的 {calibration.answered} 题：Brier 分数 {calibration.brier:.3f}，"
        f"校准误差 {calibration.error:.3f}，风险曲线下面积 {calibration.area_under_risk:.3f}（均以小为好）。"
    )


def _confidence_plots(report: AnswersReport) -> str:
    calibration = report.calibration
    if not calibration.bins:
        return ""
    bins = [(entry.confidence, entry.accuracy, entry.count) for entry in calibration.bins]
    points = [(point.coverage, point.risk) for point in calibration.risk_coverage]
    top = next((top for top in (0.1, 0.2, 0.4, 0.6, 0.8) if all(risk <= top for _, risk in points)), 1.0)
    return plots(
        (
            "可靠性",
            svg.reliability("置信度与实际正确率", bins, x_title="置信度"),
            "每点为一段置信度内的回答：横轴为平均置信度，纵轴为正确率，点越大题越多；虚线为完全可信。",
        ),
        (
            "风险与覆盖",
            svg.curves("风险与覆盖", [Series("错误率", points)], x_title="作答的题所占的比例", y_top=top),
            "只回答置信度最高的一部分题时，回答中错误的比例。",
        ),
    )


def _latency(report: AnswersReport) -> str:
    rows = [
        [Cell(_PARTS[part]), *(Cell(f"{value:.1f}", number=True) for value in values.values())]
        for part, values in report.latency_ms.items()
    ]
    totals = [result.scores["total_ms"] for result in report.results if "total_ms" in result.scores]
    if not totals:
        return ""
    quantiles = table(("毫秒", "p50", "p90", "p95", "p99"), rows)
    bars = svg.columns("每题用时的分布", svg.histogram(totals), x_title="每题合计用时（毫秒）")
    return plots(("分位数", quantiles, ""), ("分布", bars, ""))


def _worst(report: AnswersReport) -> str:
    wrong = [result for result in report.results if result.right is False]
    wrong.sort(key=lambda result: (result.scores.get("F1", 0.0), -result.confidence, result.query_id))
    if not report.is_scored:
        return ""
    if not wrong:
        return section("答错的题", paragraph("没有答错的题。"))
    return section(
        "答错的题",
        "".join(_card(result) for result in wrong[:_LISTED]),
        lead=f"共 {len(wrong)} 题，列出最差的 {min(len(wrong), _LISTED)} 题；全部题目见 report.csv。",
    )


def _card(result: AnswerResult) -> str:
    plain = result.picked is None and result.filled is None
    verdict = "误答" if result.unanswerable else "误拒" if result.refused and plain else "答错"
    tags = [(verdict, "bad"), (result.query_id, ""), (result.category, ""), (f"置信度 {result.confidence:.2f}", "")]
    return question_card(result.text, tags, [("应得", expected_markup(result)), ("实得", given_markup(result))])


def expected_markup(result: AnswerResult) -> str:
    """What was expected of a question."""
    if result.unanswerable:
        return paragraph("应当拒答（文献中没有答案）。", kind="quiet")
    return "".join(paragraph(text, 300) for text in result.expected[:4]) or paragraph("（未标注）", kind="quiet")


def given_markup(result: AnswerResult) -> str:
    """What was given: the option, the words at the blanks, the answer or the refusal, and the places cited."""
    parts = []
    if result.picked is not None:
        parts.append(paragraph("选择：" + ("、".join(result.picked) or "未能判断")))
    if result.filled is not None:
        parts.append(paragraph("填空：" + ("；".join(words or "未找到" for words in result.filled) or "未能填写")))
    if result.refused:
        parts.append(paragraph(f"拒答：{REASONS.get(result.reason, result.reason)}", kind="quiet"))
    elif result.picked is None or result.answer:
        parts.append(paragraph(result.answer))
    parts += [f'<p class="source">《{esc(s.title)}》{esc(s.locator)}</p>' for s in result.sources[:4]]
    return "".join(parts)
