"""Files that are broken or mean harm: each gives a clear sentence, and what is there stays as it is."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable

import pytest

from study_bot.accounts.roles import Actor
from study_bot.documents.files import Files
from study_bot.documents.library_folder import write_library
from study_bot.documents.stored import FileState
from study_bot.errors import FileTooLargeError, InputError
from study_bot.settings import Settings
from tests.documents.samples import old_rule, speech, stream
from tests.library.loaders import makers

CHINESE = re.compile(r"[\u4e00-\u9fff]{4}")


def archive(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("[Content_Types].xml", "<Types/>")
        for name, data in parts.items():
            target.writestr(name.replace("__", "/"), data)
    return out.getvalue()


def bomb() -> bytes:
    """A small archive that unpacks to more than the settings of these tests allow."""
    return archive(word__document_xml=b"", **{f"word__{n}": b"\0" * 6_000_000 for n in range(4)})


def many_entities() -> bytes:
    lines = ['<!ENTITY a "aaaaaaaaaa">'] + [f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)]
    text = f"<?xml version='1.0'?><!DOCTYPE x [{''.join(lines)}]><w:document>&j;</w:document>"
    return archive(**{"word__document.xml": text.encode()})


def external_entity() -> bytes:
    text = "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY s SYSTEM 'file:///etc/passwd'>]><w:document>&s;</w:document>"
    return archive(**{"word__document.xml": text.encode()})


UNREADABLE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty": ("空.txt", lambda: b""),
    "spaces": ("空白.txt", lambda: b" \n\t\r\n" * 100),
    "title only": ("标题.md", "# 标题".encode),
    "zeros": ("零.pdf", lambda: b"\0" * 10_000),
    "cut pdf": ("半.pdf", lambda: b"%PDF-1.7\n1 0 obj\n<</Type/Catalog"),
    "cut docx": ("半.docx", lambda: archive(word__document_xml=b"<w:document>")[:80]),
    "no parts": ("空壳.docx", lambda: archive(word__x=b"")),
    "zip bomb": ("炸弹.docx", bomb),
    "entities": ("实体.docx", many_entities),
    "external entity": ("外部.docx", external_entity),
    "zip": ("压缩.txt", lambda: archive(other__x=b"a")),
    "picture": ("照片.txt", lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 100),
    "program": ("程序.exe", lambda: b"MZ\x90\0" * 50),
    "no suffix": ("无后缀", lambda: b"\x7fELF" * 50),
    "old format": ("旧.xls", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000),
    "deep html": ("深.html", lambda: b"<html><body>" + b"<div>" * 20_000),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_cannot_be_read_says_why(quick_files: Files, admin: Actor, case: str) -> None:
    name, make = UNREADABLE[case]
    files = quick_files
    good = files.give(admin, "办法.txt", stream(old_rule()))
    files.publish(admin, [good.id])
    file = files.give(admin, name, stream(make()))
    assert file.understood is None and file.error is not None
    assert CHINESE.search(file.error) and len(file.error) < 200 and "Traceback" not in file.error
    assert "root:" not in file.error and str(files.content.folder) not in file.error
    with pytest.raises(InputError):
        files.publish(admin, [file.id])
    assert files.delete(admin, file.id).state is FileState.DELETED
    assert files.bytes_of(good.id) == old_rule() and files.counts()[FileState.PUBLISHED] == 1


def test_a_file_beyond_the_limit_is_not_kept(quick_files: Files, admin: Actor) -> None:
    with pytest.raises(FileTooLargeError, match=r"1\.0 MB"):
        quick_files.give(admin, "大.txt", stream(b"a" * 1_100_000))
    assert quick_files.search().total == 0 and not list(quick_files.content.folder.glob("??/*"))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("办法.pdf", old_rule),
        ("办法.xlsx", lambda: makers.word(*old_rule().decode().splitlines())),
        ("办法.exe.txt", old_rule),
    ],
)
def test_a_wrong_suffix_is_read_by_content_or_told(
    quick_files: Files, admin: Actor, name: str, make: Callable[[], bytes]
) -> None:
    file = quick_files.give(admin, name, stream(make()))
    assert (file.error is None) != (file.understood is None)


def test_texts_of_documents_are_only_texts(quick_files: Files, admin: Actor, settings: Settings) -> None:
    script = "<script>alert(1)</script>{{7*7}}'; DROP TABLE files; --"
    file = quick_files.give(admin, f"{script[:8]}讲话.txt", stream(speech(script)), "=1+1")
    assert file.understood is not None and script in "".join(e.text for e in file.understood.first)
    quick_files.publish(admin, [file.id])
    library = write_library(quick_files, settings.data_dir / "library")
    assert (library.path / file.path).read_bytes() == speech(script)
    assert library.path in (library.path / file.path).resolve().parents


@pytest.mark.parametrize("category", ["..", "../x", "a/b", "a\\b", ".git", "x\0/../y", "C:", "长" * 51])
def test_a_category_cannot_lead_elsewhere(quick_files: Files, admin: Actor, category: str) -> None:
    with pytest.raises(InputError, match="分类"):
        quick_files.give(admin, "讲话.txt", stream(speech()), category)
    assert quick_files.search().total == 0
