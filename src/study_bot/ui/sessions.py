"""What one browser session holds: the turns so far and the question under way. Kept in `gr.State`, never elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from study_bot.types import Filters
from study_bot.ui.turns import TurnView

SESSION_SECONDS = 8 * 3600
"""How long an abandoned conversation is kept in memory."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The question being answered, as last shown."""

    view: TurnView
    filters: Filters = field(default_factory=Filters)
