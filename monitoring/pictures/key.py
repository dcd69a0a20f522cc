"""The pictures there are, and the panels in each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monitoring.dashboards.catalogue import panels
from monitoring.dashboards.panel import Panel


@dataclass(frozen=True)
class Picture:
    """Panels of one dashboard side by side; `name` is its file's."""

    name: str
    dashboard: str
    titles: Sequence[str] = ()
    """Of the panels; all of them where none are named."""
    columns: int = 2

    def panels(self) -> Sequence[Panel]:
        """Return the panels.

        Raises:
            LookupError: the dashboard has no panel of such a title.
        """
        there = {panel.title: panel for board, panel in panels() if board.name == self.dashboard}
        if missing := [title for title in self.titles if title not in there]:
            raise LookupError(f"the dashboard {self.dashboard!r} has no panel {missing[0]!r}; it has {sorted(there)}")
        return [there[title] for title in self.titles or there]


KEY: Final = (
    Picture("status", "status", columns=4),
    Picture(
        "overview",
        "overview",
        ("Offered, good and refused", "Latency of /predict", "Time per stage", "Latency of /predict, heat map"),
    ),
    Picture("batching", "batching", ("Batch size", "Batches by trigger", "Queue", "Load ratio")),
    Picture("history", "history", ("Rows", "Time of a commit", "Memory", "Processors")),
)
