"""Models: which versions answer, what they say, how good that is, and how rollouts go."""

from collections.abc import Sequence
from typing import Final

from monitoring.dashboards import rollouts
from monitoring.dashboards.dashboard import Dashboard
from monitoring.dashboards.panel import Panel, Query, Row, above
from monitoring.dashboards.promql import gateways, growth
from monitoring.dashboards.recurring import heat, legend, rates

_VERSION: Final = 'version=~"$version"'
_PREDICTIONS: Final = gateways("gateway_predictions_total", _VERSION)


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return Dashboard(
        name="models",
        title="Models",
        describe="Which versions answer, what they say, how good that is, and how rollouts go.",
        by_version=True,
        span="now-3h",
        annotations=rollouts.annotations(),
        rows=[
            Row("Versions", _versions()),
            Row("Predictions", _predictions()),
            Row("Drift and quality", _quality()),
            *rollouts.rows(),
        ],
    )


def _versions() -> Sequence[Panel]:
    return [
        Panel(
            title="Versions with a part of the traffic",
            describe="What answers, with the digest of its graph.",
            queries=(Query(f"max by (version, digest) ({gateways('model_info')}) == 1", "{{version}}"),),
            unit="none",
            kind="table",
            width=6,
            absent="none",
            hidden=("Time", "Value"),
        ),
        Panel(
            title="States",
            describe="The state of each version that is there or could not be loaded, as the model server names it.",
            queries=(Query(f"max by (version, state) ({_of('gateway_model_version_state')}) == 1", "{{version}}"),),
            unit="none",
            kind="table",
            width=6,
            absent="none",
            hidden=("Time", "Value"),
        ),
        Panel(
            title="Ready",
            describe="Whether requests may be routed to a version, at every gateway.",
            queries=(Query(f"min by (version) ({_of('gateway_model_version_ready')})", legend("version")),),
            unit="none",
            kind="state-timeline",
            width=6,
            mappings={"0": ("not ready", "orange"), "1": ("ready", "green")},
        ),
        Panel(
            title="Route",
            describe="Percent of the images that each version is asked for, by its role.",
            queries=(Query(f"max by (version, role) ({_of('gateway_route_percent')})", legend("version, role")),),
            unit="percent",
            width=6,
            most=100,
        ),
    ]


def _of(metric: str) -> str:
    """Return the series of the versions that were chosen."""
    return gateways(metric, _VERSION)


def _predictions() -> Sequence[Panel]:
    return [
        rates(
            _PREDICTIONS,
            "label, version",
            title="By version and class",
            describe="Images answered.",
            unit="suffix: images/s",
            stacked=True,
        ),
        Panel(
            title="Share of each class",
            describe="Of the images that a version answered. A shift that the images do not explain is a bad sign.",
            queries=(
                Query(
                    f"{growth(_PREDICTIONS, 'version, label')} / on (version) group_left () "
                    f"({growth(_PREDICTIONS, 'version')} > 0)",
                    legend("label, version"),
                ),
            ),
            unit="percentunit",
            most=1,
        ),
        heat(
            gateways("gateway_prediction_confidence_bucket"),
            title="Confidence",
            describe="Images by the probability of the predicted class, of all versions.",
            unit="percentunit",
        ),
    ]


def _quality() -> Sequence[Panel]:
    abstained = growth(_of("gateway_abstentions_total"), "version, reason")
    return [
        Panel(
            title="Drift",
            describe="Population stability index between what comes now and the training data, by feature. Under 0.1 "
            "it is the same, from 0.25 on another population.",
            queries=(
                Query(
                    f"max by (version, feature) ({_of('gateway_drift_psi')})",
                    legend("feature, version"),
                ),
            ),
            unit="none",
            width=6,
            steps=above(0.1, 0.25),
            absent="too few images",
        ),
        Panel(
            title="Images that drift rests on",
            describe="Images that the index was computed from.",
            queries=(Query(f"sum by (version) ({_of('gateway_drift_images')})", legend("version")),),
            unit="suffix: images",
            width=4,
        ),
        Panel(
            title="Abstentions",
            describe="Share of a version's images that were answered with a warning not to rely on it, by reason.",
            queries=(
                Query(
                    f"{abstained} / on (version) group_left () ({growth(_PREDICTIONS, 'version')} > 0)",
                    legend("reason, version"),
                ),
            ),
            unit="percentunit",
            width=6,
            stacked=True,
            absent="none",
        ),
        Panel(
            title="Accuracy by feedback",
            describe="Share of the predictions with a known true label that were right.",
            queries=(Query(f"max by (version) ({_of('gateway_feedback_accuracy')})", legend("version")),),
            unit="percentunit",
            kind="bargauge",
            width=4,
            most=1,
            absent="no feedback",
        ),
        Panel(
            title="Feedback",
            describe="Predictions whose true label is known.",
            queries=(Query(f"max by (version) ({_of('gateway_feedback_images')})", legend("version")),),
            unit="suffix: images",
            kind="bargauge",
            width=4,
            absent="no feedback",
        ),
    ]
