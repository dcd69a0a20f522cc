"""Whether and where metrics are shown: what the file named by `--monitoring_config_file` says."""

from pathlib import Path

from google.protobuf import text_format

from proto import tfserving_pb2 as pb
from serving.settings import SettingsError

_DEFAULT_PATH = "/monitoring/prometheus/metrics"


def metrics_path(file: str) -> str | None:
    """Return the path below which metrics are shown, or None if `file` is empty or does not enable them.

    Raises:
        SettingsError: the file cannot be read, is no MonitoringConfig in text form, or its path is none.
    """
    if not file:
        return None
    try:
        config = text_format.Parse(Path(file).read_text(), pb.MonitoringConfig()).prometheus_config
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        remedy = 'write: prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }'
        raise SettingsError(f"--monitoring_config_file={file} cannot be used: {error}; {remedy}") from error
    path = config.path or _DEFAULT_PATH
    if not path.startswith("/"):
        raise SettingsError(f"--monitoring_config_file={file} cannot be used: path {path!r} does not begin with /")
    return path if config.enable else None
