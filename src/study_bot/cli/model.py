"""`study-bot model`: prepare and look at the embedding model."""

from __future__ import annotations

from pathlib import Path

from study_bot.cli.common import JsonOption, note, say, write_json
from study_bot.cli.words import Command, new_app
from study_bot.settings import OFFLINE_MODEL, Settings, load_settings

app = new_app("准备和查看向量模型。")


@app.command("prepare", cls=Command)
def prepare() -> None:
    """准备离线向量模型（只需一次，已准备好时立即结束）。

    设置了别的向量模型（embedding_model）时，只检查它能否使用。
    """
    from study_bot.index.offline_model import prepare_offline_model

    settings = load_settings()
    if settings.embedding_model == OFFLINE_MODEL:
        say(str(prepare_offline_model(settings.cache_dir, note)))
    else:
        say(str(model_record(settings)["fingerprint"]))


@app.command("info", cls=Command)
def info(as_json: JsonOption = False) -> None:
    """显示正在使用的向量模型；离线模型尚未准备时会先准备。"""
    record = model_record(load_settings())
    if as_json:
        write_json(record)
        return
    say(f"模型：{record['model']}")
    say(f"指纹：{record['fingerprint']}")
    say(f"维数：{record['dimension']}")
    if record["folder"] is not None:
        say(f"文件夹：{record['folder']}（{record['megabytes']} MB）")


def model_record(settings: Settings) -> dict[str, object]:
    """The model in use as plain values; `folder` and `megabytes` are None when it is not a folder on this machine.

    :raises ModelError: it cannot be loaded.
    """
    from study_bot.index.embedding import open_encoder
    from study_bot.index.offline_model import prepare_offline_model

    folder: Path | None = Path(settings.embedding_model)
    if settings.embedding_model == OFFLINE_MODEL:
        folder = prepare_offline_model(settings.cache_dir, note)
    elif folder is not None and not folder.is_dir():
        folder = None
    encoder = open_encoder(settings)
    return {
        "model": settings.embedding_model,
        "fingerprint": encoder.fingerprint,
        "dimension": encoder.dimension,
        "folder": str(folder) if folder else None,
        "megabytes": round(_size(folder) / 1e6, 1) if folder else None,
    }


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
