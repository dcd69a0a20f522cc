"""Which alerts are shown, in which order, and what there is to do about each."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dashboard.client.alerting import Alert

_ROOT: Final = Path(__file__).parent.parent
_PAGE: Final = re.compile(r"monitoring/runbooks/\w+\.md")
_MACHINES: Final = "none"
"""The severity of an alert that always fires, so that somebody notices when alerts stop coming."""
_URGENCY: Final = ("critical", "warning")


def is_alive(alerts: Iterable[Alert]) -> bool:
    """Return whether alerts come at all."""
    return any(_severity(alert) == _MACHINES and alert.state == "firing" for alert in alerts)


def urgent_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Return the alerts for people: those that fire, the most severe first, then the oldest."""
    return sorted((alert for alert in alerts if _severity(alert) != _MACHINES), key=_order)


def page(annotations: Mapping[str, str]) -> str | None:
    """Return what to do about an alert, as Markdown below a heading of the second level; None where no page is here."""
    named = annotations.get("runbook", "")
    file = _ROOT / named
    if not _PAGE.fullmatch(named) or not file.is_file():
        return None
    _, _, body = file.read_text(encoding="utf-8").partition("\n")
    return re.sub(r"^## ", "### ", body.strip(), flags=re.MULTILINE)


def link(annotations: Mapping[str, str]) -> str | None:
    """Return where the page stands, for alerts whose rules name an address."""
    url = annotations.get("runbook_url", "")
    return url if urlsplit(url).scheme in {"http", "https"} else None


def _severity(alert: Alert) -> str:
    return alert.labels.get("severity", "")


def _order(alert: Alert) -> tuple[bool, int, str]:
    severity = _severity(alert)
    urgency = _URGENCY.index(severity) if severity in _URGENCY else len(_URGENCY)
    return alert.state != "firing", urgency, alert.since
