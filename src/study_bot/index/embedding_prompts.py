"""The words each family of embedding models expects in front of a question or a passage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prompts:
    """Text put before a question and before a passage; "" = nothing."""

    query: str = ""
    passage: str = ""


_PASSAGE_NAMES = ("document", "passage", "corpus")

# First match wins. Models published without prompts in their folder, as their cards say to use them.
_FAMILIES: tuple[tuple[re.Pattern[str], Prompts], ...] = (
    (re.compile(r"bge-(?:small|base|large)-zh-noinstruct"), Prompts()),
    (re.compile(r"bge-(?:small|base|large)-zh"), Prompts(query="为这个句子生成表示以用于检索相关文章：")),
    (re.compile(r"bge-(?:small|base|large)-en"), Prompts("Represent this sentence for searching relevant passages: ")),
    (
        re.compile(r"e5-.*instruct"),
        Prompts("Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "),
    ),
    (re.compile(r"(?:^|[^a-z0-9])e5-(?:small|base|large)"), Prompts("query: ", "passage: ")),
)


def choose_prompts(
    model_name: str, own: Mapping[str, object], query: str | None = None, passage: str | None = None
) -> Prompts:
    """Prompts of a model: what the settings say, else what its own folder says, else what its family needs.

    :param model_name: a hub name or a path; only known family names in it matter.
    :param own: the `prompts` of the model's folder; prompts that are all empty count as none.
    :param query: overrides the query prompt; None = do not override. `passage` likewise.
    """
    named = {name: text for name, text in own.items() if isinstance(text, str) and text}
    if "query" in named or any(name in named for name in _PASSAGE_NAMES):
        found = Prompts(named.get("query", ""), next((named[n] for n in _PASSAGE_NAMES if n in named), ""))
    else:
        lowered = model_name.lower().replace("_", "-")
        found = next((prompts for pattern, prompts in _FAMILIES if pattern.search(lowered)), Prompts())
    return Prompts(
        query=found.query if query is None else query,
        passage=found.passage if passage is None else passage,
    )
