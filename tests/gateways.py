"""The gateway as a process of its own, for tests."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.processes import PYTHON, Running, free_port, running
from tests.scrapes import Scrape


@dataclass(frozen=True)
class Gateway:
    """A gateway that answered when the test got it."""

    url: str
    history: Path
    """Its SQLite file."""
    running: Running
    headers: Mapping[str, str] = field(default_factory=dict)
    """What a scrape sends beside `Accept`: a key, where one is needed."""

    def samples(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Return the samples of one metric that Prometheus would scrape now, by their sorted labels."""
        return {
            tuple(sorted(labels)): value for (sample, labels), value in self.scrape().samples.items() if sample == name
        }

    def scrape(self) -> Scrape:
        """Return all samples that Prometheus would scrape now."""
        return Scrape.parse(httpx.get(f"{self.url}/metrics", headers={**self.headers, "Accept": "text/plain"}).text)

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of one metric whose labels include `labels`."""
        return self.scrape().total(name, **labels)


@contextmanager
def serving_gateway(target: str, folder: Path, *, path: str = "/health/ready", **settings: str) -> Iterator[Gateway]:
    """Run a gateway for the model server at `target` until the block ends; `settings` are PULMO_ names, lower case.

    It is waited for until `path` answers 200: with the default, until a model version can answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    history = folder / "history.db"
    values = {
        "port": str(free_port()),
        "backend": target,
        "history": f"sqlite:///{history}",
        "store": str(folder / "store"),
        "sessions": str(folder / "sessions"),
        "uploads": str(folder / "uploads"),
        "model_poll_s": "0.1",
        "guard": "false",  # versions of the toy model answer otherwise than each other, as the tests need them to
        **settings,
    }
    url = f"http://127.0.0.1:{values['port']}"

    def ready() -> bool:
        try:
            return httpx.get(url + path, timeout=5).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    environment = {f"PULMO_{name.upper()}": value for name, value in values.items()}
    with running([PYTHON, "-m", "gateway"], log=folder / "gateway.log", ready=ready, env=environment) as process:
        yield Gateway(url, history, process)
