"""What all pages share: head, styles and scripts, and the Chinese dress of Gradio's own page."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from study_bot.ui.markup import esc

ASSETS = Path(__file__).parent / "assets"
ASSET_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
PAGE_TITLE = "学习问答"


@cache
def asset(name: str) -> tuple[bytes, str] | None:
    """Bytes and media type of a file of the interface, None if there is none of that name."""
    path = ASSETS / name
    if "/" in name or path.suffix not in ASSET_TYPES or not path.is_file():
        return None
    return path.read_bytes(), ASSET_TYPES[path.suffix]


def asset_url(root: str, name: str) -> str:
    """Address of a file of the interface; it changes with the content, so browsers may keep it for ever."""
    found = asset(name)
    if found is None:
        raise FileNotFoundError(name)
    return f"{root}/ui/{name}?v={hashlib.sha256(found[0]).hexdigest()[:12]}"


def page_head(title: str, root: str, name: str) -> str:
    """The head of one of our own pages; `name` is that of its style sheet and script."""
    return (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1,viewport-fit=cover">'
        f"<title>{esc(title)}</title>{_links(root, name)}"
    )


def _links(root: str, name: str) -> str:
    sheets = "".join(
        f'<link rel="stylesheet" href="{esc(asset_url(root, sheet))}">' for sheet in ("tokens.css", f"{name}.css")
    )
    return (
        '<meta name="color-scheme" content="light dark">'
        f'<link rel="icon" type="image/svg+xml" href="{esc(asset_url(root, "icon.svg"))}">'
        f'<script src="{esc(asset_url(root, "theme.js"))}"></script>{sheets}'
        f'<script src="{esc(asset_url(root, f"{name}.js"))}" defer></script>'
    )


def dress_gradio_page(page: str, root: str, menu: str = "") -> str:
    """Gradio's start page in Chinese, with our styles first and none of its links to other sites.

    :param menu: HTML that stands beside Gradio's own, at the end of the body.
    The page is a template of another project: what is not found there is left as it is, and a test says so.
    """
    page = page.replace('lang="en"', 'lang="zh-CN"', 1)
    page = _FOREIGN.sub("", page)
    page = page.replace("width=device-width, initial-scale=1, shrink-to-fit=no", _VIEWPORT, 1)
    head = f"<title>{PAGE_TITLE}</title>{_links(root, 'app')}"
    before, body, after = page.rpartition("</body>")
    page = before + menu + body + after
    return page.replace('<meta charset="utf-8" />', '<meta charset="utf-8" />' + head, 1)


_VIEWPORT = "width=device-width,initial-scale=1,viewport-fit=cover,interactive-widget=resizes-content"

# Tags that name other sites or that no page of ours needs.
_FOREIGN = re.compile(r'<meta\s+(?:property="og:|name="twitter:)[^>]*>|<link rel="manifest"[^>]*>')
