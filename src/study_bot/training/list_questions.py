"""Questions for lists, made from the articles that announce one: 管理人履行下列职责 answers 管理人有哪些职责.

People ask so all the time, and sets of questions collected elsewhere hardly ever do. Nothing of a text but its subject
gets into a question, so what is to be learned is that an announced list goes before whatever else speaks of the matter.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from study_bot.evaluation.files import write_whole
from study_bot.evaluation.runner import document_id
from study_bot.retrieval.lists import THINGS
from study_bot.types import Passage

_VERBS = "应当履行|依法履行|应当具备|必须具备|应当符合|应当遵守|不得有|不得实施|行使|享有|履行|具备|包括|遵循|有"
_ANNOUNCING = re.compile(
    rf"(?:第[^ ]{{1,12}}条(?:之.{{1,2}})?\s+)?(?P<subject>[^，,。；;：:、（）()《》\s]{{2,18}}?)(?P<verb>{_VERBS})"
    rf"(?:下列|以下)[^，,。；;：:（(]{{0,6}}?(?P<things>{'|'.join(sorted(THINGS, key=len, reverse=True))})[：:]"
)
_MODAL = re.compile(r"(?:应当|必须|可以|依法|同时|应|须)+$")
_MIN_SUBJECT = 2


@dataclass(frozen=True, slots=True)
class ListQuestion:
    """A question and the document that answers it, named as runs and judgements name it."""

    text: str
    gold: str


def list_questions(passages: Iterable[Passage]) -> Iterator[ListQuestion]:
    """A question for each passage that begins with the announcement of a list, in the order of the passages. Subjects
    that several passages share are left out: which of them is meant could not be told."""
    found: dict[tuple[str, str], list[tuple[Passage, str]]] = {}
    for passage in passages:
        match = _ANNOUNCING.match(passage.text) if passage.article is not None else None
        if match is None or len(subject := _MODAL.sub("", match["subject"])) < _MIN_SUBJECT:
            continue
        found.setdefault((subject, match["things"]), []).append((passage, match["verb"]))
    for (subject, things), own in found.items():
        if len({document_id(passage) for passage, _ in own}) == 1:
            passage, verb = own[0]
            yield ListQuestion(_asked(subject, verb, things), document_id(passage))


def write_list_questions(passages: Iterable[Passage], folder: Path) -> int:
    """Write the questions as a BEIR set with the split dev; gives their number.

    :raises OSError: a file cannot be written.
    """
    asked = {f"list-{zlib.crc32(question.gold.encode()):08x}": question for question in list_questions(passages)}
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({"_id": name, "text": one.text}, ensure_ascii=False) + "\n" for name, one in asked.items())
    write_whole(folder / "queries.jsonl", "".join(lines))
    judged = "".join(f"{name}\t{one.gold}\t1\n" for name, one in asked.items())
    write_whole(folder / "qrels" / "dev.tsv", "query-id\tcorpus-id\tscore\n" + judged)
    return len(asked)


def _asked(subject: str, verb: str, things: str) -> str:
    """One of the ways in which people put it, the same for the same words."""
    ways = (f"{subject}有哪些{things}？", f"{subject}的{things}有哪些", f"{subject}{verb}哪些{things}？")
    return ways[zlib.crc32(f"{subject}{things}".encode()) % len(ways)]
