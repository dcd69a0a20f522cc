"""What Locust asks every second: how many users there are to be."""

from locust import LoadTestShape

from loadtests.load.scenarios import Scenario


class ScenarioShape(LoadTestShape):  # type: ignore[misc] # locust is Any here
    """A scenario as Locust takes it."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__()
        self.scenario = scenario

    def tick(self) -> tuple[int, float] | None:
        """Return how many users there are to be, and how many come or go in a second; None ends the run."""
        stage = self.scenario.stage_at(self.get_run_time())
        return (stage.users, stage.rate) if stage else None
