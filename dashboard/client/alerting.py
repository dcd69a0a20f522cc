"""What Prometheus says of its rules and alerts (https://prometheus.io/docs/prometheus/latest/querying/api/#alerts)."""

from typing import Literal

import msgspec


class Alert(msgspec.Struct, frozen=True):
    """An alert whose condition holds."""

    labels: dict[str, str]
    annotations: dict[str, str]
    state: Literal["pending", "firing"]
    """Pending: it has not held for as long as it must."""
    since: str = msgspec.field(name="activeAt")
    """From when on the condition holds, RFC 3339."""


class Alerts(msgspec.Struct, frozen=True):
    """The answer to `GET /api/v1/alerts`."""

    alerts: list[Alert]


class Rule(msgspec.Struct, frozen=True):
    """A rule by which a series is recorded."""

    name: str
    query: str
    labels: dict[str, str] = {}


class RuleGroup(msgspec.Struct, frozen=True):
    """Rules that are evaluated together."""

    rules: list[Rule]


class RuleGroups(msgspec.Struct, frozen=True):
    """The answer to `GET /api/v1/rules`."""

    groups: list[RuleGroup]
