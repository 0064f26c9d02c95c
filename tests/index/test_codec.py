from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study_bot.index.codec import DECODE_ERRORS, Codec, codec
from study_bot.types import Block, FileReport, LoadedFile, Passage, Section, Version, VersionText

TYPES = (Version, Passage, Section, VersionText, FileReport, Block, LoadedFile)

st.register_type_strategy(dt.date, st.dates())


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(TYPES))
def test_every_stored_value_survives_json(data: st.DataObject, cls: type[Any]) -> None:
    value = data.draw(st.from_type(cls))
    assert codec(cls).decode(json.loads(json.dumps(codec(cls).encode(value)))) == value


def test_fields_at_their_default_are_left_out() -> None:
    assert codec(FileReport).encode(FileReport("a.txt", passages=3)) == {"path": "a.txt", "passages": 3}


def test_shared_values_are_kept_once() -> None:
    records = Codec(FileReport, ("title",))
    first, second = (records.decode(json.loads('{"path": "a", "title": "某某规定"}')) for _ in range(2))
    assert first.title is second.title


@pytest.mark.parametrize("data", [{"no": 1}, {"path": "a", "gaps": 3}, {}, []])
def test_other_json_is_refused(data: Any) -> None:
    with pytest.raises(DECODE_ERRORS):
        codec(FileReport).decode(data)
