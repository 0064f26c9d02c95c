"""`study-bot people`: accounts from the server's own console, for whoever is locked out of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from study_bot.cli.common import JsonOption, note, say, write_json
from study_bot.cli.opened_site import opened_site
from study_bot.cli.words import Command, new_app
from study_bot.errors import NotFoundError

if TYPE_CHECKING:
    from study_bot.accounts.people import People
    from study_bot.accounts.roles import Actor, Person

app = new_app("在服务器上查看账号、增加管理员、重置密码（平时请在网页上管理）。")


@app.command("list", cls=Command)
def list_people(
    text: Annotated[str, typer.Argument(metavar="文字", help="警号、姓名或电话的一部分；不给时列出全部。")] = "",
    as_json: JsonOption = False,
) -> None:
    """列出账号。"""
    from study_bot.accounts.people import People
    from study_bot.maintenance.site import console_actor

    with opened_site() as site:
        people = list(_all_people(People(site.database), console_actor(), text))
    if as_json:
        write_json({"people": [_record(person) for person in people]})
        return
    for person in people:
        marks = "" if person.active else "\t已停用"
        say(f"{person.badge}\t{person.name}\t{person.role.label}\t{person.unit or '无单位'}{marks}")
    say(f"共 {len(people)} 个账号。")


@app.command("add-admin", cls=Command)
def add_admin(
    badge: Annotated[str, typer.Argument(metavar="警号", help="登录用的警号。")],
    name: Annotated[str, typer.Argument(metavar="姓名", help="姓名。")],
) -> None:
    """增加一个系统管理员；一次性密码只显示这一次，首次登录时必须修改。"""
    from study_bot.accounts.people import People
    from study_bot.accounts.person_changes import NewPerson
    from study_bot.accounts.roles import Role
    from study_bot.maintenance.site import console_actor

    with opened_site() as site:
        person, password = People(site.database).create(console_actor(), NewPerson(badge, name, role=Role.ADMIN))
    note(f"已增加系统管理员 {person.name}（{person.badge}）。一次性密码（只显示这一次）：")
    say(password)


@app.command("reset-password", cls=Command)
def reset_password(badge: Annotated[str, typer.Argument(metavar="警号", help="账号的警号。")]) -> None:
    """重置一个账号的密码，解除锁定，并结束其所有登录；一次性密码只显示这一次。"""
    from study_bot.accounts.people import People
    from study_bot.maintenance.site import console_actor

    with opened_site() as site:
        people = People(site.database)
        person = people.by_badge(badge)
        if person is None:
            raise NotFoundError(f"没有警号为“{badge}”的账号。可以用 study-bot people list 查看。")
        password = people.reset_password(console_actor(), person.id)
    if not person.active:
        note("注意：这个账号已停用，启用之后才能登录。")
    note(f"已重置 {person.name}（{person.badge}）的密码。一次性密码（只显示这一次）：")
    say(password)


def _all_people(people: People, actor: Actor, text: str) -> Iterator[Person]:
    page = 1
    while (found := people.search(actor, text, page=page, per_page=200)).people:
        yield from found.people
        page += 1


def _record(person: Person) -> dict[str, object]:
    return {
        "badge": person.badge,
        "name": person.name,
        "role": person.role.value,
        "unit": person.unit,
        "active": person.active,
        "must_change": person.must_change,
    }
