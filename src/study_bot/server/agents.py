"""What a browser calls itself, in a few words a person recognises."""

from __future__ import annotations

import re

_BROWSERS = (
    ("Edg/", "Edge"),
    ("360SE", "360 浏览器"),
    ("QQBrowser/", "QQ 浏览器"),
    ("MicroMessenger/", "微信"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)

_SYSTEMS = (
    (r"Windows NT", "Windows"),
    (r"Android", "Android"),
    (r"iPhone|iPad", "iOS"),
    (r"Mac OS X", "macOS"),
    (r"HarmonyOS|OpenHarmony", "鸿蒙"),
    (r"Kylin", "麒麟"),
    (r"UOS|Deepin", "统信"),
    (r"Linux", "Linux"),
)


def agent_words(agent: str) -> str:
    """Browser and system, as far as they are known; "未知设备" when nothing is."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if re.search(mark, agent)), "")
    return " · ".join(filter(None, (browser, system))) or (
        agent.split(" ", maxsplit=1)[0][:40] if agent else "未知设备"
    )
