"""The settings: one frozen object, which the entry points make from environment variables and pass on."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from slimgest_celery.api_keys import ApiKey, parse_keys
from slimgest_celery.languages import parse_tags

MAX_FONT_SAMPLES = 3  # OCR samples of one document that check its fonts; not a setting
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


_OTHER_VARIABLES = ("SLIMGEST_API_KEY", "SLIMGEST_URL")  # of the client and the command line


class SettingsError(ValueError):
    """Some settings are wrong. The message has one line for each of them."""


def default_home() -> Path:
    """Return the default folder of slimgest's files: `slimgest` in the user's XDG data folder.

    Raises `SettingsError` if the user has no home folder, as in a container with any user id.
    """
    try:
        return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "slimgest"
    except RuntimeError as error:
        raise SettingsError("This user has no home folder: set XDG_DATA_HOME to the folder for the data.") from error


def _parse_seconds(value: Any) -> Any:
    """Convert `90`, `90s`, `10m`, `24h` or `7d` to seconds. Leave other values to the validation of the field."""
    if isinstance(value, str) and value[-1:] in _UNITS_S and value[:-1].isdigit():
        return int(value[:-1]) * _UNITS_S[value[-1]]
    return value


def _parse_keys(value: Any) -> Any:
    return parse_keys(value) if isinstance(value, str) else value


def _split_list(value: Any) -> Any:
    return tuple(piece.strip() for piece in value.split(",") if piece.strip()) if isinstance(value, str) else value


def _check_secrets(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            length = len(base64.b64decode(value.removeprefix("whsec_"), validate=True))
        except binascii.Error:
            length = 0
        if not value.startswith("whsec_") or not 24 <= length <= 64:
            raise ValueError("must be `whsec_` and 24 to 64 bytes in base64; `slimgest webhook-secret` creates one")
    return values


def _check_hosts(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch(r"\.?[\w-]+(\.[\w-]+)*", value):
            raise ValueError("must be names without scheme and port, such as pdf.example.com or .example.com")
    return tuple(value.lower() for value in values)


def _check_languages(value: str) -> str:
    parse_tags(value)
    return value


Network = IPv4Network | IPv6Network
Seconds = Annotated[int, BeforeValidator(_parse_seconds), Field(ge=1)]


def check_address(host: str, settings: Settings, insecure: bool) -> None:
    """Raise `SettingsError` for an address that other machines can reach, unless API keys are set or `insecure` is."""
    if host not in ("127.0.0.1", "::1", "localhost") and not settings.api_keys and not insecure:
        raise SettingsError(
            f"Other machines can reach {host}, and SLIMGEST_API_KEYS is empty: anyone could read and send documents.\n"
            "Create a key with `slimgest key NAME` and set the variable, or use --insecure."
        )


def redis_url(settings: Settings) -> str:
    """Return the address of Redis. Raises `SettingsError` if it is not set."""
    if settings.redis_url is None:
        raise SettingsError(
            "SLIMGEST_REDIS_URL is not set, and this command starts no Redis of its own.\n"
            "Set it, such as redis://127.0.0.1:6379/0, or start everything at once with `slimgest up`."
        )
    return settings.redis_url


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for each `SLIMGEST_` variable that slimgest does not know, with the nearest name that it knows.

    They are no errors: a variable may belong to another version, or to an engine of your own.
    """
    known = [name for field in Settings.model_fields.values() if (name := field.alias)] + [*_OTHER_VARIABLES]
    unknown = sorted(name for name in environ if name.startswith("SLIMGEST_") and name not in known)
    nearest = {name: get_close_matches(name, known, 1, 0.8) for name in unknown}
    return [
        f"{name} is no setting of slimgest and has no effect."
        + (f" Did you mean {nearest[name][0]}?" if nearest[name] else "")
        for name in unknown
    ]


class Settings(BaseModel):
    """The settings of an operator. The alias of a field is its environment variable. docs/settings.md has the table."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    num_workers: int = Field(
        2,
        ge=1,
        le=1024,
        alias="SLIMGEST_NUM_WORKERS",
        description="The number of worker processes, each with its own OCR model.",
    )
    export_worker: bool = Field(
        True,
        alias="SLIMGEST_EXPORT_WORKER",
        description="One more worker process, without a model, for images of pages and searchable PDFs.",
    )
    engine: str = Field(
        "auto",
        alias="SLIMGEST_ENGINE",
        pattern=r"^(auto|nemotron|rapidocr|tesseract|[\w.]+:\w+)$",
        description="`auto`, `nemotron`, `rapidocr`, `tesseract`, or your own class as `package.module:Class`.",
    )
    ocr_quality: Literal["fast", "balanced", "best"] = Field(
        "balanced",
        alias="SLIMGEST_OCR_QUALITY",
        description="How carefully RapidOCR reads: `fast`, `balanced` or `best`.",
    )
    warm_up: bool = Field(
        True,
        alias="SLIMGEST_WARM_UP",
        description="If true, a worker loads its OCR model before it is ready; if false, when a page needs the model.",
    )
    model_dir: Path | None = Field(
        None, alias="NEMOTRON_OCR_MODEL_DIR", description="The folder of the five files of a Nemotron OCR checkpoint."
    )
    allow_model_download: bool = Field(
        False, alias="SLIMGEST_ALLOW_MODEL_DOWNLOAD", description="If true, Nemotron may download its checkpoint."
    )
    nemotron_lang: Literal["multi", "en"] = Field(
        "multi",
        alias="SLIMGEST_NEMOTRON_LANG",
        description="The checkpoint to download: many languages, or English.",
    )
    nemotron_merge_level: Literal["word", "sentence", "paragraph"] = Field(
        "sentence", alias="SLIMGEST_NEMOTRON_MERGE_LEVEL", description="The text that Nemotron returns as one block."
    )
    nemotron_batch_size: int = Field(
        8,
        ge=1,
        le=256,
        alias="SLIMGEST_NEMOTRON_BATCH_SIZE",
        description="The number of pages that the GPU reads at once.",
    )
    nemotron_region_batch: int = Field(
        128,
        ge=1,
        le=4096,
        alias="SLIMGEST_NEMOTRON_REGION_BATCH",
        description="The number of text regions that are recognised at once.",
    )
    nemotron_infer_length: int | None = Field(
        None,
        ge=128,
        le=8192,
        multiple_of=32,
        alias="SLIMGEST_NEMOTRON_INFER_LENGTH",
        description="The side of the detector's square input, in pixels; absent: the checkpoint's own value.",
    )
    languages: Annotated[str, AfterValidator(_check_languages)] = Field(
        "auto",
        alias="SLIMGEST_LANGUAGES",
        description="The languages of jobs that name none: `auto`, or such as `de,rus,chi_sim,Cyrillic`.",
    )
    tessdata: Path | None = Field(
        None,
        alias="SLIMGEST_TESSDATA",
        description="The folder of Tesseract's language data; absent: that of the system.",
    )
    workers_per_device: int = Field(
        1, ge=1, le=16, alias="SLIMGEST_WORKERS_PER_DEVICE", description="The number of worker processes on each GPU."
    )
    render_helpers: int = Field(
        2,
        ge=0,
        le=64,
        alias="SLIMGEST_RENDER_HELPERS",
        description="The number of processes with which each GPU worker renders pages in advance.",
    )
    redis_url: str | None = Field(
        None,
        alias="SLIMGEST_REDIS_URL",
        pattern=r"^(redis|rediss)://",
        description="The Redis to use; absent: `slimgest up` starts a private one.",
    )
    storage_url: str = Field(
        default_factory=lambda: str(default_home() / "jobs"),
        alias="SLIMGEST_STORAGE_URL",
        min_length=1,
        description="The place where jobs are stored: a folder, or any fsspec URL that all processes can reach.",
    )
    max_pending_jobs: int = Field(
        100,
        ge=1,
        alias="SLIMGEST_MAX_PENDING_JOBS",
        description="The largest number of pending jobs; further submissions get 429.",
    )
    owner_pending_jobs: int | None = Field(
        None,
        ge=1,
        alias="SLIMGEST_OWNER_PENDING_JOBS",
        description="The largest number of pending jobs of one owner; absent: half of SLIMGEST_MAX_PENDING_JOBS, or "
        "all of it if there is only one owner.",
    )
    owner_pending_pages: int = Field(
        100_000,
        ge=1,
        alias="SLIMGEST_OWNER_PENDING_PAGES",
        description="The number of unread pages of an owner's pending jobs from which on further submissions get 429.",
    )
    owner_requests_per_minute: int = Field(
        6000,
        ge=1,
        alias="SLIMGEST_OWNER_REQUESTS_PER_MINUTE",
        description="The largest number of requests of one owner within a minute.",
    )
    owner_uploads: int = Field(
        16, ge=1, alias="SLIMGEST_OWNER_UPLOADS", description="The largest number of simultaneous uploads of one owner."
    )
    owner_event_streams: int = Field(
        1000,
        ge=1,
        alias="SLIMGEST_OWNER_EVENT_STREAMS",
        description="The largest number of requests of one owner that follow or wait for jobs.",
    )
    owner_page_images: int = Field(
        50,
        ge=1,
        alias="SLIMGEST_OWNER_PAGE_IMAGES",
        description="The largest number of requests of one owner that wait for images of pages.",
    )
    batch_timeout_s: Seconds = Field(
        600,
        alias="SLIMGEST_BATCH_TIMEOUT",
        description="The time for which `POST /process-pdf` waits before it answers 202.",
    )
    body_timeout_s: Seconds = Field(
        60,
        alias="SLIMGEST_BODY_TIMEOUT",
        description="The longest time without data while a request body arrives.",
    )
    max_upload_mb: int = Field(
        200, ge=1, alias="SLIMGEST_MAX_UPLOAD_MB", description="The largest request body, in MB."
    )
    min_free_mb: int = Field(
        500,
        ge=0,
        alias="SLIMGEST_MIN_FREE_MB",
        description="The free disk space, in MB, that must remain after an upload.",
    )
    max_pages: int = Field(
        5000, ge=1, alias="SLIMGEST_MAX_PAGES", description="The largest number of pages in one job."
    )
    max_page_pixels: int = Field(
        40_000_000,
        ge=10_000,
        alias="SLIMGEST_MAX_PAGE_PIXELS",
        description="The largest rendered page; a larger one is rendered at a lower dpi, and its `reason` says so.",
    )
    page_timeout_s: Seconds = Field(120, alias="SLIMGEST_PAGE_TIMEOUT", description="The longest time for one page.")
    max_worker_mb: int = Field(
        3072, ge=256, alias="SLIMGEST_MAX_WORKER_MB", description="The memory at which a worker's page fails, in MB."
    )
    sandbox: Literal["auto", "on", "off"] = Field(
        "auto",
        alias="SLIMGEST_SANDBOX",
        description="The sandbox of worker children: `auto` uses what the system supports, `on` requires all of it.",
    )
    sandbox_paths: Annotated[tuple[Path, ...], BeforeValidator(_split_list)] = Field(
        (),
        alias="SLIMGEST_SANDBOX_PATHS",
        description="More files and folders that worker children may read, such as the model of an engine of your own.",
    )
    retention_s: Seconds = Field(
        86400,
        alias="SLIMGEST_RETENTION",
        description="The time after which an ended job is deleted (`s`, `m`, `h`, `d`).",
    )
    read_pictures: bool = Field(
        True,
        alias="SLIMGEST_READ_PICTURES",
        description="If true, pictures that look like text are read by OCR on pages with a text layer.",
    )
    layout: Literal["auto", "off"] = Field(
        "auto",
        alias="SLIMGEST_LAYOUT",
        description="`auto`: a layout model finds titles, tables and figures on pages that are read by OCR.",
    )
    page_cache: bool = Field(
        True,
        alias="SLIMGEST_PAGE_CACHE",
        description="If true, a page that is in a stored job of the same owner is copied from there, not read again.",
    )
    api_keys: Annotated[tuple[ApiKey, ...], BeforeValidator(_parse_keys)] = Field(
        (),
        alias="SLIMGEST_API_KEYS",
        description="`name:hash` pairs, as `slimgest key NAME` prints them; empty: no key is needed.",
    )
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(_split_list)] = Field(
        (), alias="SLIMGEST_CORS_ORIGINS", description="The origins whose web pages may use the API from a browser."
    )
    allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(_split_list), AfterValidator(_check_hosts)] = Field(
        (),
        alias="SLIMGEST_ALLOWED_HOSTS",
        description="The host names of this service, in addition to those of the own machine; `.example.com`: with all "
        "names below it.",
    )
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_split_list)] = Field(
        (),
        alias="SLIMGEST_TRUSTED_PROXIES",
        description="The addresses or networks of proxies whose `X-Forwarded-*` headers are honoured.",
    )
    webhook_secrets: Annotated[tuple[str, ...], BeforeValidator(_split_list), AfterValidator(_check_secrets)] = Field(
        (),
        repr=False,
        alias="SLIMGEST_WEBHOOK_SECRET",
        description="The secret that signs webhooks, or several, separated by commas; empty: no `callback_url`.",
    )
    callback_networks: Annotated[tuple[Network, ...], BeforeValidator(_split_list)] = Field(
        (),
        alias="SLIMGEST_CALLBACK_NETWORKS",
        description="Networks that callbacks may reach in addition to public addresses.",
    )
    callback_result_kb: int = Field(
        1024,
        ge=0,
        le=65536,
        alias="SLIMGEST_CALLBACK_RESULT_KB",
        description="The largest document that a callback contains (`callback_format`).",
    )
    callback_timeout_s: Seconds = Field(
        10, alias="SLIMGEST_CALLBACK_TIMEOUT", description="The longest time for one attempt at a callback."
    )
    log_format: Literal["text", "json"] = Field(
        "text", alias="SLIMGEST_LOG_FORMAT", description="The format of log lines: `text` or `json`."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        alias="SLIMGEST_LOG_LEVEL",
        description="The least important log lines to write: `DEBUG`, `INFO`, `WARNING` or `ERROR`.",
    )

    @property
    def num_workers_is_set(self) -> bool:
        """Return True if the number of workers is set. Otherwise it follows from the GPUs."""
        return "num_workers" in self.model_fields_set

    @property
    def pending_jobs_of_one_owner(self) -> int:
        """Return the largest number of pending jobs of one owner. By default, no owner can fill the queue alone."""
        if self.owner_pending_jobs is not None:
            return min(self.owner_pending_jobs, self.max_pending_jobs)
        return max(1, self.max_pending_jobs // 2) if len(self.api_keys) > 1 else self.max_pending_jobs

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Return the settings in environment variables. An empty variable counts as absent.

        Raises `SettingsError`, which names every wrong variable at once and never contains a value.
        """
        environ = os.environ if environ is None else environ
        names = {field.alias for field in cls.model_fields.values()}
        try:
            return cls.model_validate({name: environ[name] for name in names if name and environ.get(name)})
        except ValidationError as error:
            lines = [f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()]
            raise SettingsError("\n".join(sorted(lines))) from None
