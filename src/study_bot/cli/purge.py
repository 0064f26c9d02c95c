"""`study-bot purge`: remove for good what has been kept long enough."""

from __future__ import annotations

import typer

from study_bot.cli.common import JsonOption, say, write_json
from study_bot.cli.opened_site import opened_site
from study_bot.cli.words import Command

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("purge", cls=Command)
def purge(as_json: JsonOption = False) -> None:
    """清除到期的内容：超过 question_days 天的提问、删除超过 undo_days 天的文献、过期的登录。

    服务运行时每天自动清除；这条命令供立即清除之用，可以在服务运行时执行。
    """
    from study_bot.maintenance.purging import purge_site
    from study_bot.maintenance.site import console_actor

    with opened_site() as site:
        report = purge_site(site, console_actor())
    if as_json:
        write_json({"questions": report.questions, "files": report.files})
    else:
        say(f"已清除提问 {report.questions} 条、文献 {report.files} 份，以及过期的登录。")
