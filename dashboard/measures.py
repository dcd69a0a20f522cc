"""What is known of versions, as tables. Pure functions."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dashboard import phrases
from dashboard.client.messages import ModelEntry, VersionAccuracy
from dashboard.live import Live, drifted

_NAMES: Final = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
    "macro_auc": "Macro area under the ROC curve",
    "sensitivity": "Sensitivity for cancer",
    "specificity": "Specificity",
    "ece": "Calibration error",
    "ece_uncalibrated": "Calibration error before calibration",
    "loss": "Cross-entropy, nats",
}
_NO_SHARES: Final = frozenset({"loss", "macro_auc"})


def figures(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers among what a training measured: those that are known first, in their order."""
    numbers = {name: float(value) for name, value in metrics.items() if _is_number(value)}
    return {name: numbers[name] for name in [*_NAMES, *sorted(numbers)] if name in numbers}


def side_by_side(first: ModelEntry, second: ModelEntry) -> dict[str, list[str]]:
    """Return the table of what two trainings measured, and how much more the second one has."""
    one, other = figures(first.metrics), figures(second.metrics)
    names = list({**one, **other})
    return {
        "Measure": [_NAMES.get(name, phrases.plain(name)) for name in names],
        f"Version {first.version}": [_written(name, one.get(name)) for name in names],
        f"Version {second.version}": [_written(name, other.get(name)) for name in names],
        "Difference": [_difference(name, one.get(name), other.get(name)) for name in names],
    }


def overview(
    models: Sequence[ModelEntry], accuracies: Sequence[VersionAccuracy], live: Live
) -> dict[str, list[str | int]]:
    """Return the table of versions, newest first; its cells are text and no markup."""
    right = {one.model_version: one for one in accuracies}
    known = [figures(entry.metrics) for entry in models]
    columns: dict[str, list[str | int]] = {
        "Version": [entry.version for entry in models],
        "State": [entry.state.capitalize() for entry in models],
        "Traffic": [f"{entry.percent:g} % ({entry.role})" if entry.role else "none" for entry in models],
        "Accuracy": [phrases.percent(one.get("accuracy")) for one in known],
        "Macro F1": [phrases.percent(one.get("macro_f1")) for one in known],
        "Calibration error": [phrases.percent(one.get("ece")) for one in known],
        "Right by feedback": [_feedback(right.get(entry.version)) for entry in models],
        "Drift": [drifted(live, entry.version) for entry in models],
        "Network": [entry.architecture or phrases.NONE for entry in models],
        "Trained (UTC)": [phrases.moment(entry.created_at) or phrases.NONE for entry in models],
    }
    if any(entry.error for entry in models):
        columns["Problem"] = [entry.error for entry in models]
    return columns


def _feedback(one: VersionAccuracy | None) -> str:
    return phrases.NONE if one is None else f"{phrases.percent(one.accuracy)} of {one.images} images"


def _written(name: str, value: float | None) -> str:
    if value is None:
        return phrases.NONE
    return phrases.percent(value) if _is_share(name) else f"{value:.3f}"


def _difference(name: str, one: float | None, other: float | None) -> str:
    if one is None or other is None:
        return phrases.NONE
    return f"{(other - one) * 100:+.1f} points" if _is_share(name) else f"{other - one:+.3f}"


def _is_share(name: str) -> bool:
    return name in _NAMES and name not in _NO_SHARES


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
