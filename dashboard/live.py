"""What the traffic of versions shows, from the gateway's metrics: drift, and what came of a shadow."""

from typing import Final

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from dashboard import phrases, problems
from dashboard.client.gateway import GatewayClient

DRIFTED: Final = 0.25
"""A population stability index above which it is another population, as is usual (Siddiqi 2006, Credit Risk
Scorecards)."""


class Live(msgspec.Struct, frozen=True):
    """What the gateway's metrics say of versions."""

    drift: dict[int, dict[str, float]] = {}
    """By version: the population stability index of each feature."""
    images: dict[int, int] = {}
    """By version: of how many images the drift is told."""
    compared: dict[str, int] = {}
    """Images that were put to a shadow too, by what came of it."""


def read_live(exposition: str) -> Live:
    """Return what a gateway's metrics say, in the text format of Prometheus.

    Raises:
        ValueError, KeyError: it is no such text, or not that of a gateway.
    """
    drift: dict[int, dict[str, float]] = {}
    images: dict[int, int] = {}
    compared: dict[str, int] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if sample.name == "gateway_drift_psi":
                drift.setdefault(int(sample.labels["version"]), {})[sample.labels["feature"]] = sample.value
            elif sample.name == "gateway_drift_images":
                images[int(sample.labels["version"])] = int(sample.value)
            elif sample.name == "gateway_shadow_comparisons_total":
                compared[sample.labels["outcome"]] = int(sample.value)
    return Live(drift, images, compared)


def look(gateway: GatewayClient) -> Live:
    """Ask a gateway for its metrics.

    Raises:
        GatewayProblem: they are not to be had.
    """
    try:
        return read_live(gateway.metrics())
    except (ValueError, KeyError) as error:
        raise problems.not_understood(gateway.url, error) from error


def drifted(live: Live, version: int) -> str:
    """Say how far the images and answers of a version are from those that it was validated with."""
    indices = live.drift.get(version)
    if not indices:
        return phrases.NONE
    feature, highest = max(indices.items(), key=lambda item: item[1])
    verdict = "another population" if highest > DRIFTED else "as usual"
    return f"{highest:.2f} ({feature}): {verdict}; {live.images.get(version, 0)} images"


def shadowed(live: Live) -> str:
    """Say what came of the images that were put to a shadow too; empty where there were none."""
    agree, disagree = live.compared.get("agree", 0), live.compared.get("disagree", 0)
    total = agree + disagree
    if not total:
        return ""
    return (
        f"Since the gateway started, {total} images were put to a shadow too; "
        f"it named another class for {disagree} of them ({phrases.percent(disagree / total)})."
    )
