"""Frozen dataclasses to and from JSON values, driven by their type hints.

Fields that equal their default are left out, so a record stays small and a field added later reads as its default.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_Convert = Callable[[Any], Any]


class Codec(Generic[T]):
    """Encodes and decodes one dataclass.

    Values of the fields named in `shared` are kept once and handed out again, which saves memory when many
    records repeat them; such a codec should live no longer than the file it reads.
    """

    def __init__(self, cls: type[T], shared: Iterable[str] = ()) -> None:
        self._cls = cls
        self._shared = frozenset(shared)
        self._memo: dict[Any, Any] = {}

    @functools.cached_property
    def _encoders(self) -> list[tuple[str, Any, _Convert | None]]:
        hints = typing.get_type_hints(self._cls)
        return [(f.name, _default(f), _encoder(hints[f.name])) for f in _fields(self._cls)]

    @functools.cached_property
    def _decoders(self) -> list[tuple[str, _Convert]]:
        """Converters of the fields that JSON does not hold as they are."""
        hints = typing.get_type_hints(self._cls)
        decoders = {f.name: _decoder(hints[f.name]) for f in _fields(self._cls)}
        for name in self._shared:
            decoders[name] = self._sharing(decoders[name])
        return [(name, convert) for name, convert in decoders.items() if convert is not None]

    def _sharing(self, convert: _Convert | None) -> _Convert:
        if convert is None:
            memo = self._memo
            return lambda value: memo.setdefault(value, value)
        known: dict[str, Any] = {}

        def share(value: Any) -> Any:
            key = repr(value)  # cheaper than converting it again
            if key not in known:
                known[key] = convert(value)
            return known[key]

        return share

    def encode(self, value: T) -> dict[str, Any]:
        """The JSON object of `value`."""
        out = {}
        for name, default, convert in self._encoders:
            field = getattr(value, name)
            if field != default:
                out[name] = convert(field) if convert else field
        return out

    def decode(self, data: Mapping[str, Any]) -> T:
        """The dataclass of a JSON object.

        :raises (KeyError, TypeError, ValueError, AttributeError): `data` is not such an object.
        """
        fields = dict(data)
        for name, convert in self._decoders:
            value = fields.get(name)
            if value is not None:
                fields[name] = convert(value)
        return self._cls(**fields)


DECODE_ERRORS = (KeyError, TypeError, ValueError, AttributeError)
"""What decoding something that is not the expected JSON may raise."""


_CODECS: dict[type, Codec[Any]] = {}


def codec(cls: type[T]) -> Codec[T]:
    """The codec of a dataclass, made once."""
    if cls not in _CODECS:
        _CODECS[cls] = Codec(cls)
    return _CODECS[cls]


def _fields(cls: type) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return dataclasses.MISSING


def _inner(hint: Any) -> Any:
    """The type beside None of an optional type; any other type unchanged."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return next(arg for arg in typing.get_args(hint) if arg is not type(None))
    return hint


def _encoder(hint: Any) -> _Convert | None:
    hint = _inner(hint)
    origin = typing.get_origin(hint)
    if origin is tuple:
        each = _encoder(typing.get_args(hint)[0])
        return list if each is None else lambda values: [each(value) for value in values]
    if origin is not None:  # a mapping of strings
        return dict
    cls: type[Any] = hint
    if dataclasses.is_dataclass(hint):
        return lambda value: codec(cls).encode(value)
    if issubclass(hint, Enum):
        return lambda value: value.value
    if issubclass(hint, dt.date):  # datetimes too
        return lambda value: value.isoformat()
    return None


def _decoder(hint: Any) -> _Convert | None:
    hint = _inner(hint)
    origin = typing.get_origin(hint)
    if origin is tuple:
        each = _decoder(typing.get_args(hint)[0])
        return tuple if each is None else lambda values: tuple(each(value) for value in values)
    if origin is not None:
        return dict
    cls: type[Any] = hint
    if dataclasses.is_dataclass(hint):
        return lambda value: codec(cls).decode(value)
    if issubclass(hint, dt.date):
        convert: _Convert = hint.fromisoformat
        return convert
    if issubclass(hint, Enum):
        return {member.value: member for member in hint}.__getitem__
    return None
