"""Metrics as text, in the form of TensorFlow Serving's `util/prometheus_exporter.cc`.

prometheus_client's own text renames TensorFlow Serving's counters to `*_total` and adds times of creation. Unlike the
original every metric has its line of help.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

CONTENT_TYPE = "text/plain"
_ORIGINAL = ":tensorflow:"
_TOTAL = "_total"


def exposed(registry: CollectorRegistry) -> str:
    """Return what a scrape of `registry` gets."""
    return "".join(f"{line}\n" for metric in registry.collect() for line in _lines(metric))


def _lines(metric: Metric) -> Iterable[str]:
    name = _name(metric.name + _TOTAL) if metric.type == "counter" else metric.name
    yield f"# HELP {name} {metric.documentation}"
    yield f"# TYPE {name} {metric.type}"
    for sample in metric.samples:
        if not sample.name.endswith("_created"):
            yield _line(sample)


def _name(name: str) -> str:
    """Return a sample's name as it is shown: the original's counters have no suffix."""
    return name.removesuffix(_TOTAL) if name.startswith(_ORIGINAL) else name


def _line(sample: Sample) -> str:
    labels = ",".join(f'{name}="{_label(name, value)}"' for name, value in sample.labels.items())
    value = int(sample.value) if float(sample.value).is_integer() else sample.value
    return f"{_name(sample.name)}{{{labels}}} {value}"


def _label(name: str, value: str) -> str:
    """Escape a value; a newline too, which the original lets break the line."""
    if name == "le" and value != "+Inf":
        return f"{float(value):g}"
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
