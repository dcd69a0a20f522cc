"""How rollouts go: trials, the guard, and the moments to be marked."""

from collections.abc import Sequence

from monitoring.dashboards.dashboard import Annotation
from monitoring.dashboards.panel import Panel, Query, Row
from monitoring.dashboards.promql import gateways, quantile
from monitoring.dashboards.recurring import quantiles, rates


def rows() -> Sequence[Row]:
    """Return the rows."""
    return [
        Row("Rollout", _rollout()),
        Row("Guard", _guard()),
        Row("Trials and explanations", _trials()),
    ]


def annotations() -> Sequence[Annotation]:
    """Return the moments at which versions came and went."""

    def risen(metric: str, by: str) -> str:
        return f"sum by ({by}) (increase({gateways(metric)}[1m])) > 0"

    info = gateways("model_info")
    return [
        Annotation(
            "Version takes part",
            f"max by (version) ({info}) unless max by (version) ({info} offset 1m)",
            "version {{version}}",
            "green",
        ),
        Annotation("Route changed", risen("gateway_route_changes_total", "actor"), "by {{actor}}", "blue"),
        Annotation("Taken back", risen("gateway_guard_rollbacks_total", "measure"), "for {{measure}}", "red"),
        Annotation("Version failed", risen("gateway_model_version_failures_total", "reason"), "{{reason}}", "orange"),
    ]


def _rollout() -> Sequence[Panel]:
    return [
        rates(
            gateways("gateway_shadow_comparisons_total"),
            "outcome",
            title="Shadow comparisons",
            describe="Images that a shadow was to answer too, by what came of it.",
            unit="suffix: images/s",
            width=6,
            stacked=True,
        ),
        quantiles(
            gateways("gateway_shadow_difference_bucket"),
            (0.5, 0.95),
            title="Shadow difference",
            describe="Largest difference of a probability between a shadow and the version that answered.",
            unit="percentunit",
            width=6,
        ),
        Panel(
            title="Changes of the route",
            describe="In all, by who made them.",
            queries=(Query(f"sum by (actor) ({gateways('gateway_route_changes_total')})", "{{actor}}"),),
            unit="short",
            width=6,
        ),
        rates(
            gateways("gateway_route_fallbacks_total"),
            "mode",
            title="Fallbacks",
            describe="Images answered by another version than the route wants, by the route's mode.",
            unit="suffix: images/s",
            width=6,
            stacked=True,
        ),
    ]


def _guard() -> Sequence[Panel]:
    return [
        Panel(
            title="State of the guard",
            describe="What the guard is doing, at any gateway.",
            queries=(Query(f"max by (state) ({gateways('gateway_guard_state')})", "{{state}}"),),
            unit="none",
            kind="state-timeline",
            mappings={"0": ("no", "#6e6e6e"), "1": ("yes", "blue")},
        ),
        Panel(
            title="Taken back",
            describe="Versions that the guard took back, by the gravest measure, and those it could not. In all.",
            queries=(
                Query(f"sum by (measure) ({gateways('gateway_guard_rollbacks_total')})", "{{measure}}"),
                Query(f"sum ({gateways('gateway_guard_helpless_total')})", "helpless"),
            ),
            unit="suffix: versions",
        ),
        Panel(
            title="Versions that failed",
            describe="Versions that could not be loaded, did not describe themselves, or failed the probe. In all.",
            queries=(Query(f"sum by (reason) ({gateways('gateway_model_version_failures_total')})", "{{reason}}"),),
            unit="suffix: versions",
        ),
    ]


def _trials() -> Sequence[Panel]:
    return [
        quantiles(
            gateways("gateway_probe_duration_seconds_bucket"),
            (0.5, 0.95),
            title="Time of a probe",
            describe="Time of a call that tries a new version before clients depend on it.",
            unit="s",
        ),
        quantiles(
            gateways("gateway_explain_rpc_duration_seconds_bucket"),
            (0.5, 0.95),
            title="Time of an explanation",
            describe="Time of a successful call that explains an image.",
            unit="s",
        ),
        Panel(
            title="Confidence by quantile",
            describe="Probability of the predicted class, of all versions: a tenth of the images have less than p10.",
            queries=tuple(
                Query(
                    quantile(part, gateways("gateway_prediction_confidence_bucket")),
                    f"p{part * 100:g}",
                )
                for part in (0.1, 0.5)
            ),
            unit="percentunit",
            most=1,
        ),
    ]
