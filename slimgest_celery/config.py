"""The settings: one frozen object, made from environment variables by the entry points and handed down."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from .access import ApiKey, parse_keys

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class SettingsError(ValueError):
    """Some settings are wrong; the message names each of them on a line of its own."""


def default_home() -> Path:
    """Where slimgest keeps its files unless told: `slimgest` in the user's XDG data folder."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "slimgest"


def _seconds(value: Any) -> Any:
    """`90`, `90s`, `10m`, `24h` or `7d` in seconds; anything else is left for the field's own check."""
    if isinstance(value, str) and value[-1:] in _UNITS_S and value[:-1].isdigit():
        return int(value[:-1]) * _UNITS_S[value[-1]]
    return value


def _keys(value: Any) -> Any:
    return parse_keys(value) if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    return tuple(piece.strip() for piece in value.split(",") if piece.strip()) if isinstance(value, str) else value


def _secrets(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            length = len(base64.b64decode(value.removeprefix("whsec_"), validate=True))
        except binascii.Error:
            length = 0
        if not value.startswith("whsec_") or not 24 <= length <= 64:
            raise ValueError("must be `whsec_` and 24 to 64 bytes in base64; `slimgest webhook-secret` makes one")
    return values


Network = IPv4Network | IPv6Network
Seconds = Annotated[int, BeforeValidator(_seconds), Field(ge=1)]


def check_address(host: str, settings: Settings, insecure: bool) -> None:
    """Raises `SettingsError` for an address that others reach, where no API keys are set and nobody insists."""
    if host not in ("127.0.0.1", "::1", "localhost") and not settings.api_keys and not insecure:
        raise SettingsError(
            f"{host} can be reached from other machines, and SLIMGEST_API_KEYS is empty: anybody could read and send "
            "documents.\nMake a key with `slimgest key NAME` and set the variable, or say --insecure."
        )


class Settings(BaseModel):
    """What an operator can set. Each field's alias is the name of its environment variable."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    num_workers: int = Field(
        2, ge=1, le=1024, alias="SLIMGEST_NUM_WORKERS", description="Worker processes, each with its own OCR model."
    )
    engine: str = Field(
        "auto",
        alias="SLIMGEST_ENGINE",
        pattern=r"^(auto|nemotron|rapidocr|tesseract|[\w.]+:\w+)$",
        description="`auto`, `nemotron`, `rapidocr`, `tesseract`, or a class of your own as `package.module:Class`.",
    )
    warm_up: bool = Field(
        True,
        alias="SLIMGEST_WARM_UP",
        description="Whether a worker loads its OCR model before it says that it is ready, or when a page needs it.",
    )
    model_dir: Path | None = Field(
        None, alias="NEMOTRON_OCR_MODEL_DIR", description="Folder of the five files of a Nemotron OCR checkpoint."
    )
    allow_model_download: bool = Field(
        False, alias="SLIMGEST_ALLOW_MODEL_DOWNLOAD", description="Whether Nemotron may fetch its files from the hub."
    )
    nemotron_lang: Literal["multi", "en"] = Field(
        "multi",
        alias="SLIMGEST_NEMOTRON_LANG",
        description="Which checkpoint is downloaded: many languages, or English.",
    )
    nemotron_merge_level: Literal["word", "sentence", "paragraph"] = Field(
        "sentence", alias="SLIMGEST_NEMOTRON_MERGE_LEVEL", description="What Nemotron makes one block of."
    )
    nemotron_batch_size: int = Field(
        8, ge=1, le=256, alias="SLIMGEST_NEMOTRON_BATCH_SIZE", description="Pages that the GPU reads at once."
    )
    nemotron_region_batch: int = Field(
        128, ge=1, le=4096, alias="SLIMGEST_NEMOTRON_REGION_BATCH", description="Pieces of text recognised at once."
    )
    nemotron_infer_length: int | None = Field(
        None,
        ge=128,
        le=8192,
        multiple_of=32,
        alias="SLIMGEST_NEMOTRON_INFER_LENGTH",
        description="Side of the square that the detector sees, in pixels; absent, the checkpoint's own.",
    )
    workers_per_device: int = Field(
        1, ge=1, le=16, alias="SLIMGEST_WORKERS_PER_DEVICE", description="Worker processes on each GPU."
    )
    render_helpers: int = Field(
        2,
        ge=0,
        le=64,
        alias="SLIMGEST_RENDER_HELPERS",
        description="Processes of each GPU worker that render pages ahead of the GPU.",
    )
    redis_url: str | None = Field(
        None,
        alias="SLIMGEST_REDIS_URL",
        pattern=r"^(redis|rediss)://",
        description="Redis to use; absent, `slimgest` starts a private one.",
    )
    storage_url: str = Field(
        default_factory=lambda: str(default_home() / "jobs"),
        alias="SLIMGEST_STORAGE_URL",
        min_length=1,
        description="Where jobs are kept: a folder, or any fsspec URL that all workers reach.",
    )
    max_pending_jobs: int = Field(
        100, ge=1, alias="SLIMGEST_MAX_PENDING_JOBS", description="Jobs accepted and not ended; one more gets 429."
    )
    batch_timeout_s: Seconds = Field(
        600, alias="SLIMGEST_BATCH_TIMEOUT", description="How long `POST /process-pdf` waits before it answers 202."
    )
    max_upload_mb: int = Field(200, ge=1, alias="SLIMGEST_MAX_UPLOAD_MB", description="Largest request body, in MB.")
    max_pages: int = Field(5000, ge=1, alias="SLIMGEST_MAX_PAGES", description="Most pages read in one job.")
    max_page_pixels: int = Field(
        40_000_000,
        ge=10_000,
        alias="SLIMGEST_MAX_PAGE_PIXELS",
        description="Largest rendered page; a larger one is rendered at a lower dpi, and says so.",
    )
    page_timeout_s: Seconds = Field(120, alias="SLIMGEST_PAGE_TIMEOUT", description="Longest time spent on one page.")
    max_worker_mb: int = Field(
        8192, ge=256, alias="SLIMGEST_MAX_WORKER_MB", description="Memory at which a worker gives its page up, in MB."
    )
    retention_s: Seconds = Field(
        86400, alias="SLIMGEST_RETENTION", description="How long a job is kept after its end (`s`, `m`, `h`, `d`)."
    )
    page_cache: bool = Field(
        True,
        alias="SLIMGEST_PAGE_CACHE",
        description="Whether pages that an owner's kept jobs hold already are taken from there instead of being read.",
    )
    api_keys: Annotated[tuple[ApiKey, ...], BeforeValidator(_keys)] = Field(
        (),
        alias="SLIMGEST_API_KEYS",
        description="`name:hash` pairs, as `slimgest key NAME` prints; empty: open to all.",
    )
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        (), alias="SLIMGEST_CORS_ORIGINS", description="Origins whose pages may use the API from a browser."
    )
    webhook_secrets: Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_secrets)] = Field(
        (),
        repr=False,
        alias="SLIMGEST_WEBHOOK_SECRET",
        description="Secret that signs webhooks, or several, divided by commas; empty: no `callback_url` is taken.",
    )
    callback_networks: Annotated[tuple[Network, ...], BeforeValidator(_listed)] = Field(
        (), alias="SLIMGEST_CALLBACK_NETWORKS", description="Networks that callbacks may reach beside public addresses."
    )
    callback_timeout_s: Seconds = Field(
        10, alias="SLIMGEST_CALLBACK_TIMEOUT", description="Longest time of one attempt at a callback."
    )
    log_format: Literal["text", "json"] = Field(
        "text", alias="SLIMGEST_LOG_FORMAT", description="Log lines as `text` or `json`."
    )

    @property
    def num_workers_is_set(self) -> bool:
        """Whether somebody has said how many workers there are to be; if not, there is one for each GPU."""
        return "num_workers" in self.model_fields_set

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """The settings that environment variables give; an empty variable counts as absent.

        Raises `SettingsError`, which names every wrong variable at once and never repeats a value.
        """
        environ = os.environ if environ is None else environ
        names = {field.alias for field in cls.model_fields.values()}
        try:
            return cls.model_validate({name: environ[name] for name in names if name and environ.get(name)})
        except ValidationError as error:
            lines = [f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()]
            raise SettingsError("\n".join(sorted(lines))) from None
