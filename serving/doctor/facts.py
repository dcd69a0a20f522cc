"""What the doctor knows when it judges: read from a store and from a server, without any judgement."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from proto import tfserving_pb2 as pb


class Entry(NamedTuple):
    """A child of the store."""

    name: str
    is_folder: bool
    held: bool = False
    """Whether a publisher has it locked, and so is at work on it."""


class Input(NamedTuple):
    """The one input of `serving_default`."""

    alias: str
    dtype: pb.DataType
    shape: tuple[int, ...]
    """-1 where any size goes; the first is the batch."""


class Warmup(NamedTuple):
    """The warm-up records of a version."""

    problem: str
    """Why they cannot be read; empty where they can."""
    inputs: tuple[Mapping[str, pb.Tensor], ...]
    """Of each record that asks `serving_default`."""


class Version(NamedTuple):
    """A folder of the store that the server takes for a version."""

    number: int
    name: str
    age: float
    """Seconds since the folder was changed."""
    size: int
    """Bytes of its files."""
    graph_problem: str
    """Why its `saved_model.pb` cannot be read; empty where it can."""
    signatures: tuple[str, ...]
    input: Input | None
    """None where `serving_default` is missing, or has not one input."""
    damage: str
    """Why it is not what its checksums say; empty where it is, or where it has none."""
    has_checksums: bool
    missing_shards: tuple[str, ...]
    """Files of variables that should be there, by the names of the others."""
    unreadable: tuple[str, ...]
    """Paths that the server's user may not read, as far as the mode tells."""
    labels: tuple[str, ...] | None
    """Class names in the kept manifest; None where it keeps none."""
    manifest_problem: str
    warmup: Warmup | None
    """None where there are no records."""
    parity: bytes | None
    """The content of its parity.json."""


class Store(NamedTuple):
    """A base path, looked at once."""

    path: str
    problem: str
    """Why it cannot be listed; empty where it can."""
    entries: Sequence[Entry] = ()
    versions: Sequence[Version] = ()
    """Ascending."""
    free: int = 0
    """Bytes that are free on its disk."""


class Status(NamedTuple):
    """A version as the server tells it."""

    number: int
    state: str
    error: str


class Server(NamedTuple):
    """A server, asked once."""

    target: str
    problem: str
    """Why it does not answer; empty where it does."""
    statuses: Sequence[Status] = ()
    labels: Mapping[int, tuple[str, ...] | None] = {}
    """What `describe` says of each available version; None where it says nothing that can be read."""
    probe_problem: str = ""
    """Why a batch of the largest size was not answered; empty where it was, or was not tried."""
    probe_bytes: int = 0
    """Bytes of that batch; 0 where it was not tried."""
    rest: str = ""
    """The REST address; empty where none was named."""
    rest_problem: str = ""
    metrics_problem: str = ""
    poll_age: float | None = None
    """Seconds since the server could read its base path; None where it does not tell."""


class Use(NamedTuple):
    """How the server is used, and what is known of how it was started."""

    model: str
    max_batch: int = 32
    in_flight: int = 2
    threads: int = 0
    """`--grpc_max_threads`."""
    bfloat16: bool = False
    """Whether it runs with `--mixed_precision=bfloat16`."""

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """1, 2, 4 and so on, and the largest."""
        powers = [2**power for power in range(self.max_batch.bit_length()) if 2**power < self.max_batch]
        return (*powers, self.max_batch)
