"""The dashboards there are, in the order in which somebody on duty looks at them."""

from collections.abc import Sequence

from monitoring.dashboards import batching, history, models, overview, status
from monitoring.dashboards.dashboard import Dashboard
from monitoring.dashboards.panel import Panel


def catalogue() -> Sequence[Dashboard]:
    """Return every dashboard."""
    return [each.dashboard() for each in (status, overview, batching, models, history)]


def panels() -> Sequence[tuple[Dashboard, Panel]]:
    """Return the panels of all dashboards, each with its dashboard."""
    return [(board, panel) for board in catalogue() for row in board.rows for panel in row.panels]
