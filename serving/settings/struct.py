"""What the server was started with: a field for each flag, and which values go together."""

import os
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import msgspec
from msgspec import Meta

OURS = frozenset(
    {
        "embedded",
        "fall_back_to_older_versions",
        "retry_changed_versions",
        "servable_versions_always_present",
        "verify_checksums",
    }
)
"""Flags that TensorFlow Serving does not have."""


class SettingsError(ValueError):
    """The command line cannot be used; the message names the flag, its value and the remedy."""


def _threads() -> int:
    return 4 * len(os.sched_getaffinity(0))


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the server was started with."""

    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port for gRPC; 0: none")] = 8500
    grpc_socket_path: Annotated[str, Meta(description="path of a Unix socket for gRPC; empty: none")] = ""
    grpc_max_threads: Annotated[int, Meta(ge=1, le=4096, description="calls at a time; 4 for each CPU")] = (
        msgspec.field(default_factory=_threads)
    )
    enable_grpc_healthcheck_service: Annotated[bool, Meta(description="answer gRPC's own health checks")] = False
    rest_api_port: Annotated[int, Meta(ge=0, le=65535, description="TCP port for HTTP; 0: none")] = 0
    rest_api_num_threads: Annotated[int, Meta(ge=1, le=4096, description="HTTP calls at a time; 4 for each CPU")] = (
        msgspec.field(default_factory=_threads)
    )
    rest_api_timeout_in_ms: Annotated[int, Meta(ge=1, description="milliseconds that an HTTP call may take")] = 30_000
    monitoring_config_file: Annotated[str, Meta(description="MonitoringConfig as text; empty: no metrics")] = ""
    model_name: Annotated[str, Meta(min_length=1, description="name that clients give the model")] = "default"
    model_base_path: Annotated[str, Meta(description="folder with one sub-folder per version")] = ""
    model_config_file: Annotated[
        str, Meta(description="ModelServerConfig as text; name and base path are then ignored")
    ] = ""
    model_config_file_poll_wait_seconds: Annotated[
        float, Meta(ge=0, le=86400, description="seconds between two readings of that file; 0: read it once")
    ] = 0
    allow_version_labels_for_unavailable_models: Annotated[
        bool, Meta(description="accept labels, if new or unchanged, for versions that are not available")
    ] = False
    file_system_poll_wait_seconds: Annotated[
        float, Meta(le=86400, description="seconds between two looks at a base path; 0: one look, less: none")
    ] = 1
    servable_versions_always_present: Annotated[
        bool, Meta(description="ours: an emptied base path unloads nothing; the original unloads")
    ] = True
    fall_back_to_older_versions: Annotated[
        bool, Meta(description="ours: lower versions take the place of those that fail; not so in the original")
    ] = True
    retry_changed_versions: Annotated[
        bool, Meta(description="ours: try a version that failed again when its files change; the original never does")
    ] = True
    verify_checksums: Annotated[
        bool, Meta(description="ours: refuse a version whose files are not those that were published")
    ] = True
    max_num_load_retries: Annotated[int, Meta(ge=0, description="further attempts after a load that failed")] = 5
    load_retry_interval_micros: Annotated[int, Meta(ge=0, description="microseconds between attempts")] = 60_000_000
    enable_model_warmup: Annotated[bool, Meta(description="replay a version's warm-up records before it serves")] = True
    num_request_iterations_for_warmup: Annotated[int, Meta(ge=0, description="replays of each record; 0: 1")] = 0
    enable_serialization_as_tensor_content: Annotated[bool, Meta(description="write outputs as tensor_content")] = False
    mixed_precision: Annotated[Literal["", "bfloat16"], Meta(description="bfloat16: compute so where it is safe")] = ""
    tensorflow_session_parallelism: Annotated[
        int, Meta(ge=0, description="threads of one operation and operations at a time, both; 0: auto")
    ] = 0
    tensorflow_intra_op_parallelism: Annotated[int, Meta(ge=0, description="threads of one operation; 0: auto")] = 0
    tensorflow_inter_op_parallelism: Annotated[int, Meta(ge=0, description="operations at a time; 0: auto")] = 0
    embedded: Annotated[
        bool, Meta(description="ours: serve from here even if tensorflow_model_server is on the PATH")
    ] = False
    version: Annotated[bool, Meta(description="print the version and end")] = False

    @property
    def addresses(self) -> list[str]:
        """The gRPC addresses to listen on."""
        tcp = [f"0.0.0.0:{self.port}"] if self.port else []
        return tcp + ([f"unix:{self.grpc_socket_path}"] if self.grpc_socket_path else [])

    @property
    def models(self) -> str:
        """What is served, for people: a name, or the file that lists the models."""
        return self.model_config_file or self.model_name

    @property
    def warmup_rounds(self) -> int:
        """How often each warm-up record is replayed."""
        return max(1, self.num_request_iterations_for_warmup) if self.enable_model_warmup else 0

    @property
    def intra_op(self) -> int:
        """Threads of one operation; 0 leaves it to TensorFlow."""
        return self.tensorflow_session_parallelism or self.tensorflow_intra_op_parallelism

    @property
    def inter_op(self) -> int:
        """Operations that run at a time; 0 leaves it to TensorFlow."""
        return self.tensorflow_session_parallelism or self.tensorflow_inter_op_parallelism


def check(settings: Settings) -> None:
    """Make sure that the settings go together.

    Raises:
        SettingsError: they do not.
    """
    if settings.version:
        return
    if not settings.model_config_file:
        _check_base_path(settings)
    if settings.model_config_file_poll_wait_seconds and not settings.model_config_file:
        _refuse(settings, "model_config_file_poll_wait_seconds", "there is no --model_config_file to read again")
    if not settings.addresses:
        raise SettingsError("--port=0 is refused without --grpc_socket_path: name a port or a socket to listen on")
    if settings.tensorflow_session_parallelism and (
        settings.tensorflow_intra_op_parallelism or settings.tensorflow_inter_op_parallelism
    ):
        _refuse(
            settings,
            "tensorflow_session_parallelism",
            "it says the same as --tensorflow_intra_op_parallelism and --tensorflow_inter_op_parallelism: "
            "give it or the other two",
        )


def _check_base_path(settings: Settings) -> None:
    path = settings.model_base_path
    if not path:
        _refuse(settings, "model_base_path", "name the folder that holds the versions of the model")
    if not Path(path).is_absolute():
        _refuse(settings, "model_base_path", f"make it absolute: {Path(path).absolute()}")


def _refuse(settings: Settings, name: str, remedy: str) -> NoReturn:
    value = getattr(settings, name)
    text = f"{value:g}" if isinstance(value, float) else value
    raise SettingsError(f"--{name}={text} is refused: {remedy}")
