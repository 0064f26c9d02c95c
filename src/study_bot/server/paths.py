"""Which addresses are whose."""

from __future__ import annotations

import re

from starlette.types import Scope

_OWN = re.compile(r"^/(?:reader|api|ui|healthz|readyz|metrics|sign-in|sign-out|account|admin)(?:/|$)")

_OWN_PAGES = re.compile(r"^/(?:reader|sign-in|sign-out|account|admin)(?:/|$)")

_OFFICE_PAGES = re.compile(r"^/(?:sign-in|sign-out|account|admin)(?:/|$)")


def route_path(scope: Scope) -> str:
    """The path without the prefix under which the application is served."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] or "/" if root and path.startswith(root) else path


def is_own(path: str) -> bool:
    """Whether we answer it, not Gradio."""
    return bool(_OWN.match(path))


def is_own_page(path: str) -> bool:
    """Whether it is a page of ours for people, errors included."""
    return bool(_OWN_PAGES.match(path))


def is_office_page(path: str) -> bool:
    """Whether it is one of the pages that exist only where people sign in."""
    return bool(_OFFICE_PAGES.match(path))
