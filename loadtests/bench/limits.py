"""The limit as the run uses it: its best setting is searched for, each one in a process of its own."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from loadtests.bench.material import Material
from loadtests.bench.processes import run_json

_BATCHES = (8, 16, 64)
_FINALISTS = 3


class Setting(NamedTuple):
    """How decoding and inference share the cores."""

    intra: int
    callers: int
    decoders: int
    batch: int = 32

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `intra,callers,decoders,batch`.

        Raises:
            ValueError: these are no four numbers.
        """
        intra, callers, decoders, batch = map(int, text.split(","))
        return cls(intra, callers, decoders, batch)

    def flags(self) -> list[str]:
        """Return it as flags of `loadtests.bench.limit`."""
        return [f"--{name}={value}" for name, value in self._asdict().items()]

    def __str__(self) -> str:
        return f"{self.callers} callers of {self.intra} threads, {self.decoders} decoders, batch {self.batch}"


@dataclass(frozen=True)
class Limit:
    """One precision of one version on this machine."""

    version: Path
    listing: Path
    bfloat16: bool

    def rate(self, setting: Setting, seconds: float) -> dict[str, float]:
        """Measure one setting: `rate` (images/s), `cpu_s_per_1000` and `rss_mb`."""
        found: dict[str, float] = self._ask("rate", *setting.flags(), f"--seconds={seconds}")
        return found

    def alone(self, seconds: float) -> dict[str, float]:
        """Measure one image alone: `alone_ms`, and its parts `decode_ms` and `infer_ms`."""
        found: dict[str, float] = self._ask("alone", f"--seconds={seconds}")
        return found

    def answers(self, count: int) -> list[list[float]]:
        """Return the probabilities of the first images."""
        found: list[list[float]] = self._ask("answers", f"--batch={count}")
        return found

    def search(self, seconds: float) -> Setting:
        """Return the fastest setting: those of batch 32 first, other batches for the best, the best few once more."""
        found = {setting: self._try(setting, seconds) for setting in settings(len(os.sched_getaffinity(0)))}
        best = max(found, key=found.__getitem__)
        found |= {other: self._try(other, seconds) for other in (best._replace(batch=batch) for batch in _BATCHES)}
        finalists = sorted(found, key=found.__getitem__)[-_FINALISTS:]
        again = {setting: self._try(setting, 2 * seconds) for setting in finalists}
        return max(again, key=again.__getitem__)

    def _try(self, setting: Setting, seconds: float) -> float:
        rate = self.rate(setting, seconds)["rate"]
        sys.stderr.write(f"limit: {setting}: {rate:.1f} images/s\n")
        return rate

    def _ask(self, job: str, *flags: str):  # type: ignore[no-untyped-def] # noqa: ANN202 - JSON
        precision = ["--bfloat16"] if self.bfloat16 else []
        return run_json("loadtests.bench.limit", job, self.version, "--images", self.listing, *precision, *flags)


def limit_of(material: Material, *, bfloat16: bool, version: Path | None = None) -> Limit:
    """Return the limit for the material's version, or for another one."""
    return Limit(version or material.version, material.listing, bfloat16)


def settings(cores: int) -> Iterator[Setting]:
    """Return what is tried: cores split among callers, or all shared; callers that decode, or decoders beside them."""
    shapes = dict.fromkeys([(1, cores), (cores, 1), (cores, 2), (max(1, cores // 2), 2)])
    for intra, callers in shapes:
        for decoders in dict.fromkeys([0, 1, cores]):
            yield Setting(intra, callers, decoders)
