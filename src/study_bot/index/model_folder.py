"""What a sentence-transformers folder says about itself, read without loading the model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def own_prompts(folder: Path) -> dict[str, object]:
    """The prompts the folder declares, by name; empty if it declares none."""
    prompts = _read_object(folder / "config_sentence_transformers.json").get("prompts")
    return prompts if isinstance(prompts, dict) else {}


def original_name(folder: Path) -> str:
    """The name the model was saved under, as far as its configuration tells; "" otherwise."""
    return str(_read_object(folder / "config.json").get("_name_or_path", ""))


def declared_dimension(folder: Path) -> int | None:
    """Width of the vectors if pooling decides it (nothing but normalisation after it); None = load to know."""
    try:
        modules = json.loads((folder / "modules.json").read_bytes())
        kinds = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
        if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
            return None
        pooling = _read_object(folder / modules[1]["path"] / "config.json")
        return int(pooling.get("embedding_dimension") or pooling["word_embedding_dimension"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


# Files that do not change what the model computes here.
_NOT_IDENTITY = {".md", ".png", ".jpg", ".onnx", ".h5", ".msgpack", ".ot", ".lock"}

_SAMPLES, _SAMPLE_BYTES = 32, 64 * 1024


def folder_identity(folder: Path) -> str:
    """Hash of the names, sizes and contents of a model's files; of large files, evenly spread samples.

    Training moves every weight a little, so samples tell two models apart without reading gigabytes at each start.
    The place of the folder does not matter.

    :raises OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    for name in sorted(files):
        if files[name].suffix in _NOT_IDENTITY or any(part.startswith(".") for part in name.split("/")):
            continue
        size = files[name].stat().st_size
        digest.update(f"{name}\0{size}\0".encode())
        with files[name].open("rb") as file:
            if size <= _SAMPLES * _SAMPLE_BYTES:
                digest.update(file.read())
                continue
            for sample in range(_SAMPLES):
                file.seek((size - _SAMPLE_BYTES) * sample // (_SAMPLES - 1))
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def short_hash(*parts: str) -> str:
    """16 hexadecimal digits over the parts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
