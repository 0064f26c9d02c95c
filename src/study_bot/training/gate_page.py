"""The gate as a page for the admin: how often it errs at every threshold, and on which kinds of questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from study_bot.answering.confidence import GateModel
from study_bot.evaluation import svg
from study_bot.evaluation.page import Cell, Tile, esc, legend, page, plots, section, table, tiles
from study_bot.evaluation.svg import Series

_LEAD = (
    "曲线来自没有参与训练的问题，各类问题的平均。阈值越高，误答（没有依据却回答）越少，误拒（有依据却不回答）越多。"
    "要改阈值，在 study_bot.toml 中写 refuse_below = 数值，重启即可，不用重新训练。"
)


def gate_html(model: GateModel, figures: Mapping[str, Any], created: str) -> str:
    """One self-contained HTML file.

    :param figures: those of the gate's card: threshold, both errors there, and what passed by kind of question.
    """
    lines = [
        Series("误答率", [(threshold, share) for threshold, share, _ in model.curve], 2),
        Series("误拒率", [(threshold, share) for threshold, _, share in model.curve], 1),
    ]
    mark = (model.threshold, "现在的阈值")
    curve = legend(lines) + svg.curves("拒答阈值与两种错误率", lines, x_title="拒答阈值（置信度）", x_mark=mark)
    rows = [
        [
            Cell(esc(row["kind"])),
            Cell("应回答" if row["answerable"] else "应拒答"),
            Cell(str(row["questions"]), number=True),
            Cell(f"{100 * row['passed']:.1f}%", number=True),
        ]
        for row in figures["passed"]
    ]
    head = [
        Tile("拒答阈值", f"{model.threshold:.2f}", "低于它不作回答"),
        Tile("注明把握不大", f"{model.caution:.2f}", "低于它的回答带提示"),
        Tile("误答率", f"{100 * figures['false_answers']:.1f}%", "在此阈值"),
        Tile("误拒率", f"{100 * figures['false_refusals']:.1f}%", "在此阈值"),
    ]
    return page(
        "拒答校准",
        "什么时候不回答",
        {"训练日期": created},
        [
            tiles(head),
            section("阈值与两种错误", plots(("拒答阈值与两种错误率", curve, "")), lead=_LEAD),
            section("各类问题", table(["问题", "应当", "题数", "回答了"], rows)),
        ],
    )
