"""Inputs of people who mean ill, by the place they are put into."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

PRODUCT = "56945529"
"""What `7191*7919` comes to: it must never be worked out."""

SUMS = ("{{7191*7919}}", "${7191*7919}", "{%print(7191*7919)%}", "<%= 7191*7919 %>", "#{7191*7919}", "=7191*7919")

MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><script>alert(1)</script>',
    "' onmouseover=alert(1) x='",
    "</textarea><script>alert(1)</script>",
    "</title><iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "＜script＞alert(1)＜/script＞",
    "<scr\u0000ipt>alert(1)</scr\u0000ipt>",
)

STATEMENTS = (
    "'; DROP TABLE people;--",
    "' OR '1'='1",
    '" OR ""="',
    "1); DELETE FROM files;--",
    "admin'--",
    "%' UNION SELECT password_hash FROM people--",
    "\\'; UPDATE people SET role='admin';--",
    "x%00' OR 1=1--",
    "{{config}}",
    "{{''.__class__.__mro__[1].__subclasses__()}}",
    "{{request.application.__globals__.__builtins__.open('/etc/passwd').read()}}",
    "{{cycler.__init__.__globals__.os.popen('id').read()}}",
)

CHARACTERS = (
    "\u202eexe.txt",
    "a\u200bb\ufeffc",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 50,
    "a\u0301" * 500,
    "\r\nSet-Cookie: study_bot_session=x",
    "%0d%0aLocation: //evil.example",
    "\x1b[31mred\x07",
    "字" * 10_000,
    "\ud7ff\ue000\ufffe\uffff",
    "ﬁ①Ａ",
    "\x7f\x80\x9f",
    "",
)

TEXTS = (*SUMS, *MARKUP, *STATEMENTS, *CHARACTERS)

NAMES = (
    "../../escaped.txt",
    "..\\..\\escaped.txt",
    "/etc/cron.d/escaped.txt",
    "C:\\Windows\\escaped.txt",
    "file:///etc/passwd.txt",
    "....//....//escaped.txt",
    "%2e%2e%2fescaped.txt",
    "..%c0%afescaped.txt",
    "a/../../../escaped.txt",
    ".",
    "..",
    ".txt",
    "...",
    " .txt",
    ".htaccess",
    "catalog.toml",
    ".study_bot.toml",
    "CON.txt",
    "NUL",
    "a.txt.",
    "a.txt ",
    "a\x00.txt",
    "a\r\nX-Injected: 1.txt",
    "\u202etxt.exe",
    "文" * 300 + ".txt",
    "x" * 10_000 + ".txt",
    "-rf .txt",
    "$(touch executed).txt",
    "`touch executed`.txt",
    "|touch executed|.txt",
    ";touch executed;.txt",
    "&& touch executed.txt",
    "%s%n%x.txt",
    "{{7191*7919}}.txt",
    "${7191*7919}.txt",
    "<script>alert(1)<\u2215script>.txt",
    "<img src=x onerror=alert(1)>.txt",
    '"><b>.txt',
    "'; DROP TABLE files;--.txt",
    "=cmd|' /C calc'!A0.txt",
    "@SUM(1+1).txt",
    "+1.txt",
    "a\u0301\u0323.txt",
    "\ufeff.txt",
    "\u200b\u200b.txt",
    "无后缀",
    "两个.后缀.exe",
    "a.txt::$DATA",
    "~root.txt",
    "\U0001f512.txt",
)
"""Names of uploaded files."""

PATHS = (
    "/ui/../admin/people",
    "/ui/..%2fadmin%2fpeople",
    "/ui/%2e%2e/%2e%2e/settings.py",
    "/ui/....//app.css",
    "/ui/..\\..\\settings.py",
    "/ui/%00app.css",
    "/ui/app.css%00.html",
    "/static/../config",
    "/static/..%2f..%2f..%2fetc/passwd",
    "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/assets/../../../../etc/passwd",
    "/assets/..%5c..%5cconfig",
    "/sign-in/../admin/people",
    "/sign-in/..;/admin/people",
    "/sign-in/%2e%2e/admin/people",
    "/sign-in;/../admin",
    "//admin/people",
    "/./admin/people",
    "/%2fadmin/people",
    "/admin%2fpeople",
    "/ADMIN/people",
    "/admin/people/",
    "/admin/people;x=1",
    "/admin/people%20",
    "/admin/people%3f",
    "/admin/people/..%2f..%2fconfig",
    "/gradio_api/file=/etc/passwd",
    "/gradio_api/file=../../../../etc/passwd",
    "/gradio_api/file/etc/passwd",
    "/file=/etc/passwd",
    "/gradio_api/proxy=http://127.0.0.1:1/x",
    "/gradio_api/upload",
    "/gradio_api/component_server",
    "/gradio_api/custom_component/1/client/component/../../x",
    "/gradio_api/stream/1/1/1/playlist-file",
    "/gradio_api/deep_link",
    "/gradio_api/vibe-code",
    "/monitoring/summary",
    "/openapi.json",
    "/docs",
    "/.git/config",
    "/.env",
    "/study_bot.toml",
    "/data/study_bot.sqlite3",
    "/reader/../admin/people",
    "/reader/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/api/v1/documents/../../../etc/passwd",
    "/config/../admin",
)
"""Addresses that lead elsewhere, tried by nobody and by an officer."""

NEXTS = (
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "http:evil.example",
    "https:/evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "/\t/evil.example",
    "/\n/evil.example",
    "/%0d%0aSet-Cookie:x=1",
    "/\r\nSet-Cookie: x=1",
    "/%09/evil.example",
    "@evil.example",
    ".evil.example",
    " //evil.example",
    "/\u2028/evil.example",
    "／／evil.example",
    "/" + "x" * 5000,
    "/sign-out",
    "evil",
)
"""Where to go after the sign-in."""

NUMBERS = (
    "/admin/files/99999999999999999999",
    "/admin/files/-1",
    "/admin/files/0x1",
    "/admin/files/1e9",
    "/admin/files/١",
    "/admin/files/1/compare/99999999999999999999",
    "/admin/files/99999999999999999999/original",
    "/admin/people/99999999999999999999",
    "/admin/people/units/99999999999999999999",
    "/admin/people?page=99999999999999999999&unit=99999999999999999999",
    "/admin/files?page=999999&state=nonsense&category=%00",
    "/admin/audit?page=999999&first=9999-99-99&last=0000-00-00&area=%27",
    "/admin?first=9999-12-31&last=0001-01-01&unit=99999999999999999999",
    "/admin/figures.csv?first=x&last=%00&table=../../etc/passwd",
    "/admin/questions?page=99999999999999999999&text=%25%27&question=99999999999999999999",
    "/admin/feedback?page=-1&state=%3Cscript%3E",
    "/admin/files/folder?folder=/etc",
    "/admin/files/folder?folder=../../..",
    "/admin/files/folder?folder=%00",
)
"""Addresses of an admin with numbers and words that mean nothing."""

COOKIES = (
    "A" * 43,
    "A" * 100_00,
    "' OR '1'='1",
    "../../../etc/passwd",
    "null",
    "undefined",
    "1",
    "{}",
    '{"role":"admin"}',
    "eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYWRtaW4ifQ.",
    "admin",
    "%00",
    "\\x00\\x00",
    "{{7191*7919}}",
    "<script>",
    "a;b=c",
    '"quoted"',
    "=",
)

HEADERS: tuple[dict[str, str], ...] = (
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": "127.0.0.1, 10.0.0.1, ::1"},
    {"X-Forwarded-For": "' OR 1=1--"},
    {"X-Real-IP": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1;proto=https;by=::1"},
    {"X-Remote-User": "9001"},
    {"Remote-User": "9001"},
    {"X-Forwarded-User": "9001"},
    {"X-Auth-Request-User": "9001"},
    {"Authorization": "Basic OTAwMTp4"},
    {"Authorization": "Bearer admin"},
    {"X-Original-URL": "/sign-in"},
    {"X-Rewrite-URL": "/ui/app.css"},
    {"X-Forwarded-Prefix": "//evil.example"},
    {"X-Forwarded-Host": "evil.example"},
    {"Host": "evil.example"},
    {"Host": "evil.example:80@127.0.0.1"},
    {"Host": ""},
    {"X-HTTP-Method-Override": "GET"},
    {"Content-Type": "application/x-www-form-urlencoded; charset=utf-7"},
    {"Cookie": "study_bot_session=a; study_bot_session=b"},
    {"Accept": "x" * 8000},
    {"Accept-Language": "../../etc/passwd"},
    {"User-Agent": "<script>alert(1)</script>{{7191*7919}}"},
    {"Referer": "javascript:alert(1)"},
    {"Referer": "http://testserver//evil.example"},
    {"Range": "bytes=0-,0-,0-,0-"},
    {"If-None-Match": "*" * 2000},
    {"Upgrade": "websocket", "Connection": "Upgrade"},
    {"Expect": "100-continue"},
)

FOREIGN: tuple[dict[str, str], ...] = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://eviltestserver"},
    {"Origin": "http://testserver@evil.example"},
    {"Origin": "http://testserver:81"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
)
"""What a browser sends along when another site makes it post."""


def package(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def word(document: bytes, **more: bytes) -> bytes:
    """A DOCX around the XML of its text."""
    types = (
        b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        b'<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        b'wordprocessingml.document.main+xml"/></Types>'
    )
    relations = (
        b'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        b'<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        b'officeDocument" Target="word/document.xml"/></Relationships>'
    )
    return package({"[Content_Types].xml": types, "_rels/.rels": relations, "word/document.xml": document, **more})


_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def _body(text: str, before: str = "") -> bytes:
    paragraph = f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
    return f'<?xml version="1.0"?>{before}<w:document {_W}><w:body>{paragraph}</w:body></w:document>'.encode()


def contents(canary: Path) -> dict[str, bytes]:
    """Files by name; some try to bring along what stands in the file `canary`."""
    entity = f'<!DOCTYPE d [<!ENTITY x SYSTEM "file://{canary}">]>'
    laughs = (
        "<!DOCTYPE d ["
        + '<!ENTITY a0 "哈哈">'
        + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
        + "]>"
    )
    zeros = bytes(80_000_000)
    html = "<html><body><h1>标题</h1><p>{}</p></body></html>"
    found = {
        "空.txt": b"",
        "空.docx": b"",
        "空.pdf": b"",
        "空白.txt": b" \n\t\r\n" * 100,
        "零.txt": bytes(5000),
        "乱码.txt": bytes(range(256)) * 20,
        "半个字.txt": "通知".encode()[:-1],
        "utf16.txt": "\ufeff通知\n各单位：".encode("utf-16-le"),
        "一行.txt": ("字" * 300_000).encode(),
        "超大.txt": b"a" * 1_500_000,
        "括号.html": ("<div>" * 100_000).encode(),
        "引用.md": (">" * 50_000 + "x").encode(),
        "列表.md": ("- " * 20_000 + "x").encode(),
        "括号2.md": ("[" * 50_000).encode(),
        "炸弹.docx": word(_body("x") + zeros),
        "炸弹.xlsx": package({"xl/workbook.xml": zeros, "[Content_Types].xml": b"<Types/>"}),
        "炸弹.pptx": package({"ppt/presentation.xml": zeros, "[Content_Types].xml": b"<Types/>"}),
        "许多.docx": package({f"word/{n}.xml": b"" for n in range(20_000)}),
        "外部实体.docx": word(_body("&x;", entity)),
        "笑声.docx": word(_body("&a9;", laughs)),
        "穿越.docx": package({"../../../escaped.xml": b"x", "word/document.xml": _body("x")}),
        "脚本.docx": word(_body("&lt;script&gt;alert(1)&lt;/script&gt;{{7191*7919}}")),
        "外部模板.docx": word(
            _body("通知"),
            **{
                "word/_rels/settings.xml.rels": b'<?xml version="1.0"?><Relationships xmlns="http://schemas.'
                b'openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="x" '
                b'Target="http://127.0.0.1:1/t.dotm" TargetMode="External"/></Relationships>'
            },
        ),
        "半个.docx": word(_body("x"))[:200],
        "不是.docx": b"MZ\x90\x00" * 1000,
        "不是.pdf": b"not a pdf at all\n" * 100,
        "不是.xlsx": b"PK\x03\x04" + b"\xff" * 3000,
        "不是.pptx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5000),
        "不是.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 5000,
        "动作.pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n"
        b"trailer<</Root 1 0 R>>",
        "循环.pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R]"
        b"/Count 999999999>>endobj\ntrailer<</Root 1 0 R>>",
        "程序.exe": b"MZ" + bytes(3000),
        "程序.sh": b"#!/bin/sh\ntouch executed\n",
        "程序.py": b"open('executed','w')",
        "公式.csv": "姓名,电话\n=cmd|' /C calc'!A0,@SUM(1)\n".encode(),
        "catalog.toml": b'[["x"]]\npath = "../../x"\n',
        "图.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "数据.json": b"[" * 100_000,
    }
    for number, text in enumerate(MARKUP):
        found[f"网页{number}.html"] = html.format(f"第一条 {text} 第{number}号").encode("utf-8", "surrogatepass")
        found[f"文本{number}.txt"] = f"关于{text}的通知\n各单位：\n{text} 第{number}号。\n".encode(
            "utf-8", "surrogatepass"
        )
    for number, text in enumerate(SUMS):
        found[f"算式{number}.md"] = (
            f"# 关于{text}的通知\n\n[点]({text})\n\n![图](javascript:alert({number}))\n".encode()
        )
    return found
