"""One typed settings class. Sources, strongest first: arguments, environment (`STUDY_BOT_…`), `study_bot.toml`.

There is no module-level instance: `load_settings()` is called once by an edge (CLI, app.py, a test) and handed on.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from study_bot.errors import SettingsError

OFFLINE_MODEL = "offline"
"""Value of `embedding_model` that means the model prepared from the bundled package."""

CHAT_RERANKER = "llm"
"""Value of `reranker` that means the chat model behind `reranker_url`."""

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

    data_dir: Path = Field(Path("data"), description="People, managed documents, questions; back this folder up.")
    database_url: SecretStr = Field(
        SecretStr(""), description="SQLAlchemy address of the database; empty = an SQLite file in data_dir."
    )

    sign_in: Literal["required", "off"] = Field(
        "required",
        description="'off' opens everything to whoever reaches the address: for a trial on one's own machine.",
    )
    session_idle_minutes: int = Field(120, ge=1, description="A session unused for so long ends.")
    session_hours: int = Field(12, ge=1, description="A session ends after this in any case.")
    lockout_failures: int = Field(5, ge=1, description="Failures to sign in with one account before it is locked.")
    lockout_address_failures: int = Field(50, ge=1, description="The same from one address, whatever the accounts.")
    lockout_minutes: int = Field(15, ge=1, description="Span in which failures count, and how long a lock lasts.")
    proxy_addresses: tuple[str, ...] = Field(
        (), description="Addresses or networks of reverse proxies whose X-Forwarded-For and user header are believed."
    )
    proxy_user_header: str = Field(
        "", description="Header in which such a proxy names the badge of the person it signed in; empty = none."
    )
    oidc_issuer: str = Field("", description="Address of an OpenID Connect provider; empty = none.")
    oidc_client_id: str = Field("")
    oidc_client_secret: SecretStr = Field(SecretStr(""))
    oidc_badge_claim: str = Field("preferred_username", description="Claim that holds the badge number.")
    site_url: str = Field("", description="Address by which people reach this site, needed for OpenID Connect.")

    question_days: int = Field(180, ge=0, description="Questions are kept so many days; 0 = not kept at all.")
    question_readers: Literal["nobody", "admins"] = Field(
        "admins", description="Who besides the person may read the wording of questions."
    )
    sync_folders: tuple[Path, ...] = Field(
        (), description="Folders (shares) on the server that admins may take documents from; corpus_dir always is one."
    )
    undo_days: int = Field(30, ge=1, description="A deleted document can be brought back for so many days.")

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

    reranker: str = Field(
        "",
        description="'' = none, a cross-encoder folder, the http(s) base URL of a server with /rerank, or 'llm'.",
    )
    reranker_url: str = Field("", description="OpenAI-compatible base URL of the chat model, for 'llm'.")
    reranker_model: str = Field("", description="Model name sent to the server or the chat model.")
    reranker_api_key: SecretStr = Field(SecretStr(""), description="Key for either.")
    reranker_top_n: int = Field(30, ge=2, le=200, description="Best candidates that are judged again.")
    reranker_timeout_s: float = Field(5, gt=0, le=600, description="Longest wait; then the learned order stands.")

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
