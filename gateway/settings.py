"""The gateway's settings: one frozen object, read once from the environment, over `pulmo.toml`, over the defaults."""

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta

from gateway.access.keys import KeysError, read_keys
from gateway.secrets import SECRETS, SecretError, masked, with_secrets

PREFIX = "PULMO_"

_DIVIDED = ("concurrency_limit", "max_in_flight")  # each worker needs one at least
_SHARED = (*_DIVIDED, "cache_entries", "drift_window_images", "explain_limit", "history_queue", "rate_burst")
_SECRET_FILES = frozenset(f"{name}_file" for name in SECRETS) - {"api_keys_file"}  # that one is followed, so it is kept
_ORIGIN = re.compile(r"\*|https?://[a-z0-9.-]+(:[0-9]+)?|https?://\[[0-9a-f:]+\](:[0-9]+)?", re.ASCII)


class SettingsError(ValueError):
    """A setting that the gateway refuses to start with; the message names it, its value and the remedy."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set. A field `max_batch` is `PULMO_MAX_BATCH` in the environment."""

    host: str = "127.0.0.1"
    """The address to listen on. Another than loopback needs API keys, or `insecure`."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 8000
    """The TCP port to listen on."""
    server: Literal["granian", "uvicorn"] = "granian"
    """The ASGI server."""
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    """Processes that share the port, with Granian alone. Bounds that are counted in images, rows, answers, calls or
    threads are for all of them together; each gets an equal part."""
    insecure: bool = False
    """Allow to listen beyond loopback without API keys."""
    api_keys: str = ""
    """Who may use the gateway: entries `name:scope[,scope]:sha256`, as `python -m gateway key NAME` prints them."""
    api_keys_file: str = ""
    """A file that holds `api_keys`; it is followed while the gateway runs."""
    rate_limit: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.0
    """Requests a second that may come with the keys of one name; 0 does not limit them. Shared by the workers."""
    rate_burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 20
    """Requests that may come at once with the keys of one name, after a pause. Shared by the workers."""
    backend: Annotated[str, Meta(min_length=1)] = "unix:var/run/model-server.sock"
    """The gRPC targets of the model servers, with commas between them: `unix:PATH`, `HOST:PORT` or `dns:///NAME:PORT`."""
    model: Annotated[str, Meta(min_length=1)] = "lung"
    """The name under which the model server serves the model."""
    model_poll_s: Annotated[float, Meta(gt=0, le=60)] = 0.2
    """Seconds between two questions to the model server which versions it has."""
    max_batch: Annotated[int, Meta(ge=1, le=1024)] = 32
    """Images per call to the model. Larger batches raise throughput until the model is compute bound."""
    max_in_flight: Annotated[int, Meta(ge=1, le=64)] = 8
    """Calls to the model at one time at most. How many there are is measured: one on its way beside those that are
    computed. TensorFlow Serving refuses more than 4 for each core of its machine."""
    concurrency_limit: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """Images that may be anywhere between arrival and reply; more are refused with 429."""
    request_timeout_s: Annotated[float, Meta(gt=0, le=600)] = 10.0
    """Seconds from a request's arrival to its answer; then 504."""
    body_timeout_s: Annotated[float, Meta(gt=0, le=600)] = 10.0
    """Seconds in which a client must have sent its whole body; then 408."""
    max_body_bytes: Annotated[int, Meta(ge=1)] = 10 * 1024 * 1024
    """Bytes in the body of `POST /predict`, its form included; more are refused with 413, before they are read."""
    max_batch_body_bytes: Annotated[int, Meta(ge=1)] = 64 * 1024 * 1024
    """Bytes in the body of `POST /predict-batch`."""
    max_batch_files: Annotated[int, Meta(ge=1, le=10_000)] = 128
    """Images in one `POST /predict-batch`."""
    max_pixels: Annotated[int, Meta(ge=1)] = 16_777_216
    """Width times height of an image, before it is decoded."""
    decode_threads: Annotated[int, Meta(ge=0, le=256)] = 0
    """Threads that decode images; 0 is one for each core. Each process has one at least."""
    cache_entries: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """Answers kept for images that are posted again, byte by byte; 0 keeps none and computes each image."""
    explain_limit: Annotated[int, Meta(ge=1, le=1000)] = 8
    """Explanations that may be anywhere between arrival and reply; more are refused with 429. Each process asks the
    model for two at a time."""
    history: Annotated[str, Meta(pattern=r"^(sqlite:///|postgresql\+psycopg://).+")] = "sqlite:///var/history.db"
    """The SQLAlchemy URL of the history: a file, or `postgresql+psycopg://USER:PASSWORD@HOST/NAME`."""
    durability: Literal["normal", "full", "async"] = "normal"
    """What an acknowledged prediction survives: `normal` a killed process, `full` a loss of power too; `async` answers
    before it is written, and a killed gateway loses the last ones."""
    history_policy: Literal["required", "best_effort"] = "required"
    """What becomes of a prediction that cannot be recorded: `required` refuses it with 503, `best_effort` answers it
    with `"recorded": false`."""
    history_queue: Annotated[int, Meta(ge=1, le=1_000_000)] = 4096
    """Predictions that may wait to be written; more are refused with 503."""
    history_max_age_days: Annotated[float, Meta(ge=0, le=36_500)] = 0.0
    """Days after which a prediction is deleted; 0 keeps them all."""
    history_max_rows: Annotated[int, Meta(ge=0, le=2**53)] = 0
    """Predictions that are kept, the newest; 0 keeps them all."""
    guard: bool = True
    """Whether a version that is clearly worse than the one before is taken back without being asked."""
    guard_window_s: Annotated[float, Meta(gt=0, le=86_400)] = 300.0
    """Seconds of traffic that are compared: the last ones of each version."""
    guard_rollout_s: Annotated[float, Meta(ge=0, le=86_400)] = 600.0
    """Seconds for which a version is watched that has become the newest one under `latest`."""
    guard_images: Annotated[int, Meta(ge=1, le=1_000_000)] = 50
    """Images on both sides before versions are compared; for one that only ever failed, 10 of its own will do."""
    guard_errors: Annotated[float, Meta(ge=0, le=1)] = 0.02
    """By how much the share of failures may be larger than the stable version's; 1 compares none."""
    guard_latency_ratio: Annotated[float, Meta(ge=1, le=1_000_000)] = 2.0
    """A call may take this many times the stable version's 95th percentile for calls of its size, ..."""
    guard_latency_margin_s: Annotated[float, Meta(ge=0, le=3600)] = 0.05
    """... or this many seconds more, whichever is longer; at most 10 % of the images may be later."""
    guard_abstentions: Annotated[float, Meta(ge=0, le=1)] = 0.15
    """By how much the share of abstentions may be larger than the stable version's; 1 compares none."""
    guard_classes: Annotated[float, Meta(ge=0, le=1)] = 0.25
    """Share of the images that may have moved to another class, as the class mixes tell; 1 compares none."""
    guard_disagreement: Annotated[float, Meta(ge=0, le=1)] = 0.25
    """Share of the images that may get another class from a shadow than from the stable version; 1 compares none."""
    drift_window_images: Annotated[int, Meta(ge=100, le=100_000)] = 2000
    """Images of each version, the last ones, whose stability is told; with fewer than 100 it is not."""
    drift_window_s: Annotated[float, Meta(gt=0, le=2_592_000)] = 86_400.0
    """Seconds after which an image does not count for that any more."""
    cors_origins: str = ""
    """Sites whose pages may read answers in a browser, with commas between them: `https://example.org`; `*` for all."""
    store: Annotated[str, Meta(min_length=1)] = "var/models/lung"
    """The model's folder in the store, which a retraining starts from and publishes to; the model server watches it."""
    trainer: str = ""
    """The trainer's command; empty is the module `trainer` beside the gateway, where it is installed."""
    trainer_nice: Annotated[int, Meta(ge=0, le=19)] = 19
    """How far a retraining steps back for everything else on the machine: 19 takes what is left, 0 its full share."""
    sessions: Annotated[str, Meta(min_length=1)] = "var/sessions"
    """Holds a folder for each retraining: its events, its log, its run."""
    uploads: Annotated[str, Meta(min_length=1)] = "var/uploads"
    """Holds the images that were uploaded, a folder for each session."""
    uploads_quota_bytes: Annotated[int, Meta(ge=0)] = 10 * 1024 * 1024 * 1024
    """Bytes of images that may be stored there; more are refused with 507."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe events that are logged."""
    log_format: Literal["console", "json"] = "console"
    """How events are logged: for a person, or one JSON object in a line."""

    def __repr__(self) -> str:
        """Show the settings, without secrets."""
        shown = (f"{name}={masked(name, getattr(self, name))!r}" for name in self.__struct_fields__)
        return f"{type(self).__name__}({', '.join(shown)})"

    @property
    def has_keys(self) -> bool:
        """Whether requests need an API key."""
        return bool(self.api_keys)

    def targets(self) -> tuple[str, ...]:
        """Return the targets in `backend`."""
        return tuple(target.strip() for target in self.backend.split(","))

    def origins(self) -> tuple[str, ...]:
        """Return the sites in `cors_origins`."""
        return tuple(origin.strip() for origin in self.cors_origins.split(",") if origin.strip())

    def of_one_worker(self, cores: int) -> Self:
        """Return the settings for one of the workers: its part of what bounds the gateway.

        Args:
            cores: of the machine, for decoding threads that nobody has set.
        """
        if self.workers == 1:
            return self
        parts = {name: max(1, getattr(self, name) // self.workers) for name in _SHARED if getattr(self, name)}
        threads = max(1, (self.decode_threads or cores) // self.workers)
        rate = self.rate_limit / self.workers
        return msgspec.structs.replace(self, **parts, decode_threads=threads, rate_limit=rate)


def read_settings(environment: Mapping[str, str], file: Path) -> Settings:
    """Read the settings: `PULMO_*` in `environment`, over the TOML `file` where it exists, over the defaults.

    Raises:
        SettingsError: a value is out of its range or of the wrong type, or a name is unknown.
    """
    named = {**_from_file(file), **_from_environment(environment)}
    try:
        values = with_secrets(named, PREFIX)
    except SecretError as error:
        raise SettingsError(str(error)) from error
    values = {name: value for name, value in values.items() if name not in _SECRET_FILES}
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(error, values)) from error
    targets = settings.targets()
    if "" in targets or len(set(targets)) < len(targets):
        raise SettingsError(
            f"{PREFIX}BACKEND is {settings.backend!r}: a target is empty or named twice. Name each model server once, "
            "with one comma between two."
        )
    _check_workers(settings)
    _check_exposure(settings)
    for origin in settings.origins():
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"{PREFIX}CORS_ORIGINS holds {origin!r}; write each site as browsers do: https://example.org or "
                "http://example.org:8080, without a path, in lower case."
            )
    return settings


def _check_exposure(settings: Settings) -> None:
    try:
        keys = read_keys(settings.api_keys)
    except KeysError as error:
        raise SettingsError(f"{PREFIX}API_KEYS cannot be used: {error}") from error
    if not keys and (settings.api_keys or settings.api_keys_file):
        raise SettingsError(f"{PREFIX}API_KEYS holds no key. Add one with `python -m gateway key NAME`, or unset it.")
    if not keys and settings.rate_limit:
        raise SettingsError(
            f"{PREFIX}RATE_LIMIT is {settings.rate_limit:g} and there are no API keys, whose use it limits. Set "
            f"{PREFIX}API_KEYS_FILE, or {PREFIX}RATE_LIMIT=0."
        )
    if not keys and not settings.insecure and not _is_loopback(settings.host):
        raise SettingsError(
            f"{PREFIX}HOST is {settings.host!r} and there are no API keys: anyone who reaches this address could use "
            f"the service. Listen on 127.0.0.1, set {PREFIX}API_KEYS_FILE, or set {PREFIX}INSECURE=true behind a proxy "
            "that you trust."
        )


def _check_workers(settings: Settings) -> None:
    if settings.workers > 1 and settings.server != "granian":
        raise SettingsError(
            f"{PREFIX}WORKERS is {settings.workers} and {PREFIX}SERVER is {settings.server!r}, which serves with one "
            f"process here. Set {PREFIX}SERVER=granian, or {PREFIX}WORKERS=1."
        )
    for name in _DIVIDED:
        if getattr(settings, name) < settings.workers:
            raise SettingsError(
                f"{PREFIX}{name.upper()} is {getattr(settings, name)} and is shared by {PREFIX}WORKERS="
                f"{settings.workers} processes, each of which needs 1 at least. Raise it, or have fewer workers."
            )


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    names = {*Settings.__struct_fields__, *_SECRET_FILES}
    return {
        name: value
        for key, value in environment.items()
        if key.startswith(PREFIX) and (name := key.removeprefix(PREFIX).lower()) in names
    }


def _from_file(file: Path) -> dict[str, object]:
    if not file.is_file():
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not TOML: {error}") from error


def _explain(error: msgspec.ValidationError, values: Mapping[str, object]) -> str:
    problem, _, place = str(error).partition(" - at `$.")
    name = place.rstrip("`")
    if not name:
        return f"{problem}; see the table of settings in README.md"
    return (
        f"{PREFIX}{name.upper()} is {masked(name, values[name])!r}. {problem}; see the table of settings in README.md"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
