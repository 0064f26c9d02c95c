"""Start the web application with the settings at hand: `python app.py`."""

from __future__ import annotations

from study_bot.server.app import run
from study_bot.services import build_services
from study_bot.settings import load_settings

if __name__ == "__main__":
    run(build_services(load_settings()))
