"""Loaders: one file of any office format to blocks of text in reading order."""

from study_bot.library.loaders.limits import LoadLimits
from study_bot.library.loaders.registry import REFUSED_SUFFIXES, SUPPORTED_SUFFIXES, load_file

__all__ = ["REFUSED_SUFFIXES", "SUPPORTED_SUFFIXES", "LoadLimits", "load_file"]
