"""What Prometheus would be told, parsed, so that it can be compared without I/O."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

Series = tuple[str, frozenset[tuple[str, str]]]
"""The name of a sample and its labels."""


@dataclass(frozen=True)
class Scrape:
    """The samples of one scrape, or by how much they grew between two of them."""

    samples: Mapping[Series, float]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text format, version 0.0.4; times of creation are left out, since they count nothing."""
        return cls(
            {
                (sample.name, frozenset(sample.labels.items())): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if not sample.name.endswith("_created")
            }
        )

    def __sub__(self, before: Self) -> Self:
        """Return by how much each sample grew since `before`; one that was not there was 0."""
        return type(self)({series: value - before.samples.get(series, 0) for series, value in self.samples.items()})

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples called `name` whose labels include `labels`."""
        wanted = set(labels.items())
        return sum(value for (sample, held), value in self.samples.items() if sample == name and wanted <= held)

    def by(self, name: str, *labels: str) -> Counter[tuple[str, ...]]:
        """Return the sums of the samples called `name`, by the values of `labels`, without those that are 0."""
        sums: Counter[tuple[str, ...]] = Counter()
        for (sample, held), value in self.samples.items():
            if sample == name and value:
                of = dict(held)
                sums[tuple(of.get(label, "") for label in labels)] += int(value)
        return sums
