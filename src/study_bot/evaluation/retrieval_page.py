"""The page of a retrieval report."""

from __future__ import annotations

from collections.abc import Mapping

from study_bot.evaluation import svg
from study_bot.evaluation.measures import describe
from study_bot.evaluation.page import (
    Tile,
    esc,
    page,
    paragraph,
    plots,
    question_card,
    section,
    tiles,
)
from study_bot.evaluation.report import QueryResult, RetrievalReport, rank_distribution
from study_bot.evaluation.tables import category_table, measure_table

# Questions listed one by one; the CSV has all.
_LISTED = 30

# A question counts as missed when its first relevant document stands below this rank.
_MISSED_BELOW = 10

_SHOWN_CHARACTERS = 160


def retrieval_html(report: RetrievalReport, texts: Mapping[str, str] | None = None) -> str:
    """The page. `texts` are the words of documents by id; documents whose place is not known are shown by their id."""
    facts = {
        "分组": report.split,
        "方式": report.mode,
        "题数": str(report.queries),
        "索引": report.build_id,
        "向量模型": report.model,
        "平均每题": f"{report.mean_ms:.1f} 毫秒" if report.mean_ms is not None else "",
        "生成时间": report.created,
    }
    missed = [result for result in report.results if result.rank is None or result.rank > _MISSED_BELOW]
    missed.sort(key=lambda result: (-(result.rank or 10**9), result.query_id))
    return page(
        "检索评测",
        report.dataset,
        facts,
        [
            tiles(
                [
                    Tile(describe(name).label, f"{value:.3f}")
                    for name, value in report.metrics.items()
                    if describe(name).headline
                ]
            ),
            section(
                "指标",
                measure_table(report.per_question),
                lead="细线为均值的 95% 区间。",
            ),
            section(
                "首个正确结果的名次",
                plots(
                    (
                        "各名次的题数",
                        svg.columns(
                            "首个正确结果的名次分布",
                            list(rank_distribution(report).items()),
                            x_title="名次",
                            muted=frozenset({"100 以后", "未检出"}),
                        ),
                        "",
                    ),
                    (
                        "前 k 名命中率",
                        _hit_curve(report),
                        "前 k 名内有正确结果的题所占的比例，k 取 1 至 100（对数刻度）。",
                    ),
                ),
            ),
            section("分类结果", category_table(report.categories)),
            section(
                "最差的题",
                "".join(_card(result, report.documents, texts or {}) for result in missed[:_LISTED]),
                lead=f"前 {_MISSED_BELOW} 名内没有正确结果的共 {len(missed)} 题，列出 {min(len(missed), _LISTED)} 题。"
                "全部题目见 report.csv。",
            )
            or section("最差的题", paragraph(f"每题前 {_MISSED_BELOW} 名内都有正确结果。")),
        ],
    )


def _hit_curve(report: RetrievalReport) -> str:
    """Share of questions with a relevant document among the first k, over k."""
    cuts = (1, 2, 3, 5, 10, 20, 50, 100)
    ranks = [result.rank for result in report.results]
    shares = [sum(rank is not None and rank <= k for rank in ranks) / len(ranks) for k in cuts]
    return svg.log_curve("前 k 名命中率", list(zip(cuts, shares, strict=True)), x_title="k")


def _card(result: QueryResult, places: Mapping[str, str], texts: Mapping[str, str]) -> str:
    rank = "未检出" if result.rank is None else f"第 {result.rank} 名"

    def shown(doc_id: str) -> str:
        kind = "good" if doc_id in result.relevant else ""
        place = f'<p class="source {kind}">{esc(places.get(doc_id, doc_id))}</p>'
        return place + (paragraph(texts[doc_id], _SHOWN_CHARACTERS) if doc_id in texts else "")

    return question_card(
        result.text,
        [(f"首个正确结果：{rank}", "bad"), (result.query_id, ""), (result.category, "")],
        [
            ("应检出", "".join(map(shown, result.relevant[:3]))),
            ("实际检出", "".join(map(shown, result.retrieved)) or paragraph("（没有结果）")),
        ],
    )
