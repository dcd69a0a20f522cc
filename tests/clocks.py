"""A clock that tests set."""


class Clock:
    """Seconds; time passes when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now
