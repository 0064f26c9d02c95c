"""One typed settings class. Sources, strongest first: arguments, environment (`STUDY_BOT_…`), `study_bot.toml`.

There is no module-level instance: `load_settings()` is called once by an edge (CLI, app.py, a test) and handed on.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from study_bot.errors import SettingsError

OFFLINE_MODEL = "offline"
"""Value of `embedding_model` that means the model prepared from the bundled package."""

CONFIG_FILE = "study_bot.toml"


def default_cache_dir() -> Path:
    """The user's cache folder (XDG), where the prepared model lives."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "study-bot"


class Settings(BaseSettings):
    """Everything that may differ between sites."""

    model_config = SettingsConfigDict(env_prefix="STUDY_BOT_", toml_file=CONFIG_FILE, extra="forbid", frozen=True)

    index_dir: Path = Field(Path("index"), description="Folder of builds; CURRENT in it names the live one.")
    corpus_dir: Path = Field(Path("corpus"), description="Folder of study texts that `make run` indexes.")
    cache_dir: Path = Field(default_factory=default_cache_dir, description="Prepared embedding model.")

    host: str = Field("127.0.0.1", description="Address the server binds.")
    port: int = Field(7860, ge=0, le=65535)
    root_path: str = Field("", description="Path prefix behind a reverse proxy, e.g. /study.")

    embedding_model: str = Field(
        OFFLINE_MODEL,
        description="'offline', a sentence-transformers folder or hub name, or an OpenAI-compatible http(s) base URL.",
    )
    embedding_model_name: str = Field("", description="Model name sent to an OpenAI-compatible endpoint.")
    embedding_api_key: SecretStr = Field(SecretStr(""), description="Key for that endpoint.")
    embedding_query_prompt: str | None = Field(
        None, description="Overrides the model's query prompt; None = the model's own."
    )
    embedding_passage_prompt: str | None = Field(None, description="Overrides the model's passage prompt.")
    embedding_batch_size: int = Field(16, ge=1, le=1024)
    threads: int = Field(0, ge=0, description="CPU threads for the encoder and FAISS; 0 = all cores.")

    passage_chars: int = Field(400, ge=100, le=2000, description="Target length of a prose passage, characters.")
    passage_max_chars: int = Field(500, ge=150, le=4000, description="Upper limit before a passage is split.")

    max_file_mb: float = Field(100, gt=0, description="Larger files are refused.")
    max_pages: int = Field(3000, ge=1, description="PDF pages or slides beyond which a file is refused.")
    max_uncompressed_mb: float = Field(
        500, gt=0, description="Decompressed size at which an Office file counts as a bomb."
    )
    load_timeout_s: float = Field(600, gt=0, description="Time limit for reading one file, in a worker that is killed.")
    ocr: bool = Field(True, description="Recognise scanned pages when rapidocr is installed.")
    keep_builds: int = Field(3, ge=1, description="Older builds kept on disk for roll-back.")

    learned_dir: Path | None = Field(
        None, description="Folder of files written by `study-bot train`; what it lacks is taken from the package."
    )
    query_adapter: bool = Field(True, description="Use the learned query adapter where it fits the embedding model.")

    top_k: int = Field(8, ge=1, le=100, description="Passages shown with an answer.")
    candidates: int = Field(100, ge=10, le=2000, description="Candidates of each list before fusion.")
    max_question_chars: int = Field(2000, ge=50)
    refuse_below: float | None = Field(
        None, ge=0, le=1, description="Answers with less confidence become refusals; None = as the gate was calibrated."
    )

    max_concurrent_questions: int = Field(4, ge=1)
    max_queued_questions: int = Field(64, ge=1)
    log_level: str = Field("INFO")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments over environment over the TOML file in the working directory."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**overrides: object) -> Settings:
    """Read the settings; `overrides` whose value is None are ignored.

    :raises SettingsError: a value is missing, of the wrong type or out of range.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = "；".join(f"{'.'.join(map(str, e['loc']))}：{e['msg']}" for e in error.errors())
        raise SettingsError(f"设置有误（{lines}）。请检查 {CONFIG_FILE} 和以 STUDY_BOT_ 开头的环境变量。") from None
