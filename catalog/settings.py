"""All settings, read from the environment once at the start of each process.

Every process calls `load_settings`; nothing else in the product reads the environment.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AnyUrl, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from catalog.errors import ConfigError

_RATE = r"^([1-9]\d*/(second|minute|hour|day))?$"
_SHIPPED = Path(__file__).resolve().parent.parent / "models" / "checkpoints"


class Settings(BaseSettings):
    """One field for each environment variable, which has the same name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False)

    database_url: str = "postgresql+psycopg2://lookalike@localhost/lookalike"
    redis_url: str = "redis://localhost:6379/0"
    qdrant_url: str = "http://localhost:6333"
    qdrant_api_key: SecretStr | None = None
    image_store_url: str = "file:///var/lib/lookalike/images"
    secret_key: SecretStr = SecretStr("")
    """Signs sessions and CSRF tokens; the web process refuses to start without it."""

    segmenter_checkpoint: Path = _SHIPPED / "segmenter"
    embedder_checkpoint: Path = _SHIPPED / "embedder"
    checkpoint_library: Path | None = None
    """A folder of further checkpoint folders: where a re-index finds what it is asked to use."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    score_threshold: float | None = Field(default=None, ge=0, le=1)
    """Overrides the segmenter checkpoint's own threshold."""

    collection_prefix: str = Field(default="garments", pattern=r"^[a-z][a-z0-9_]*$")
    qdrant_shards: int = Field(default=1, ge=1)
    qdrant_replicas: int = Field(default=1, ge=1)
    qdrant_write_consistency: int = Field(default=1, ge=1)
    index_timeout_s: float = Field(default=10.0, gt=0)

    max_photo_bytes: int = Field(default=20 * 2**20, ge=2**10)
    max_photo_pixels: int = Field(default=40_000_000, ge=2**10)
    photo_attempts: int = Field(default=3, ge=1)
    """How often a photo may take its worker down before it is quarantined."""
    photos_per_task: int = Field(default=16, ge=1)
    segment_batch: int = Field(default=4, ge=1)
    embed_batch: int = Field(default=32, ge=1)
    stale_after_s: float = Field(default=900.0, gt=0)
    """A photo claimed or enqueued longer ago than this is swept back to pending."""
    sweep_every_s: float = Field(default=60.0, gt=0)
    visibility_timeout_s: int = Field(default=3600, ge=10)
    """Redis hands a task out again when it is not acknowledged for so long."""
    upload_expires_s: float = Field(default=3600.0, gt=0)
    """How long a photo that a visitor searched with is kept."""
    reindex_when_models_missing: bool = False
    """Begin a re-index from the photos when the checkpoints of the serving index are gone."""

    shop_words_file: Path | None = None
    """JSON: a shop's own category words -> lists of our categories; extends the built-in ones."""
    webhook_private_addresses: bool = False
    """Send webhooks over http and to private addresses too; for receivers of one's own network."""
    embed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins of the shops whose pages may show similar items; none switches embedding off."""
    secure_cookies: bool = False
    public_url: str = "http://localhost:8000"

    trusted_proxies: int = Field(default=0, ge=0, le=10)
    """How many proxies stand before the web app, each adding the address of who asked it."""

    rate_limit_read: str = Field(default="6000/minute", pattern=_RATE)
    """How often one token may read, or one address without a token; empty for no limit."""
    rate_limit_write: str = Field(default="12000/minute", pattern=_RATE)
    rate_limit_photo_search: str = Field(default="120/minute", pattern=_RATE)
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Sites whose scripts may read the API with a token: separated by commas."""

    @field_validator("database_url")
    @classmethod
    def _postgres_only(cls, value: str) -> str:
        if value.startswith(("postgres://", "postgresql://")):
            value = "postgresql+psycopg2://" + value.split("://", 1)[1]
        if not value.startswith("postgresql+psycopg2://"):
            raise ValueError("must be a postgresql:// address: Postgres is the only database")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_only(cls, value: str) -> str:
        if not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return value

    @field_validator("qdrant_url", "public_url")
    @classmethod
    def _http_only(cls, value: str) -> str:
        url = AnyUrl(value)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("must be an http:// or https:// address")
        return value.rstrip("/")

    @field_validator("cors_origins", "embed_origins", mode="before")
    @classmethod
    def _origins(cls, value: str | Sequence[str]) -> tuple[str, ...]:
        words = value.replace(",", " ").split() if isinstance(value, str) else value
        return tuple(_origin(word) for word in words)

    @field_validator("image_store_url")
    @classmethod
    def _known_store(cls, value: str) -> str:
        if not value.startswith(("file:///", "s3://")):
            raise ValueError("must be file:///absolute/folder or s3://bucket/prefix")
        return value

    @cached_property
    def shop_words(self) -> Mapping[str, tuple[str, ...]]:
        """The shop's own words from `shop_words_file`; empty without one."""
        return _read_shop_words(self.shop_words_file) if self.shop_words_file else {}


def load_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings from `environ` (the process environment when not given).

    Raises ConfigError, which names the first variable whose value can't be used.
    """
    try:
        if environ is None:
            return Settings(**overrides)
        known = {
            name: environ[name.upper()] for name in Settings.model_fields if name.upper() in environ
        }
        return Settings.model_validate(known | overrides)
    except ValidationError as error:
        first = error.errors()[0]
        variable = str(first["loc"][0]).upper()
        raise ConfigError(variable, f"{first['msg']} (got {first['input']!r})") from error


def _origin(word: str) -> str:
    """Scheme, host and port as a browser names them."""
    url = AnyUrl(word)
    if url.scheme not in ("http", "https") or not url.host or url.path not in (None, "", "/"):
        raise ValueError(f"{word!r} is no origin: write https://shop.example without a path")
    usual = {"http": 80, "https": 443}[url.scheme]
    port = "" if url.port in (None, usual) else f":{url.port}"
    return f"{url.scheme}://{url.host}{port}"


def _read_shop_words(path: Path) -> Mapping[str, tuple[str, ...]]:
    import json

    from catalog.taxonomy import CATEGORIES

    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        words = {str(word).lower(): tuple(names) for word, names in table.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ConfigError(
            "SHOP_WORDS_FILE", f"{path}: not a JSON object of lists: {error}"
        ) from error
    for word, names in words.items():
        unknown = set(names) - set(CATEGORIES)
        if unknown:
            raise ConfigError(
                "SHOP_WORDS_FILE", f"{path}: {word!r} maps to unknown {sorted(unknown)}"
            )
    return words
