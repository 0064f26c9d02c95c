"""study_bot: questions and answers over required study texts, with citations that can be checked."""

__version__ = "0.1.0"
