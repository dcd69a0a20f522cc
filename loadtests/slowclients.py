"""Slow clients beside a good one: what they cost it, and when the gateway ends their connections.

slowhttptest opens hundreds of connections that send headers slowly (H), send a body slowly (B), or read answers slowly
(X), while images are posted at a fixed rate; the same rate without an attack comes before, by turns.

    python -m loadtests.slowclients --url http://127.0.0.1:8000 --key "$PULMO_API_KEY"

The connections are counted on the gateway's side, in this machine's tables (`man 5 proc`): an attacker that reads
nothing does not learn that it was dropped. A connection counts as held until the gateway has closed it and all was
delivered, or the kernel has dropped it.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import httpx

from loadtests.connection import Address, build_requests
from loadtests.images import Image, ImagesMissing, read_images
from loadtests.openloop import post_on_schedule, steady
from loadtests.samples import Sample, count_statuses, latencies_ms

PROGRAM: Final = "slowhttptest"
LONGEST_S: Final = 10.0
DEAREST: Final = 2.0
_LOOK_S: Final = 0.25
_HELD: Final = frozenset({"01", "03", "04", "08"})  # ESTABLISHED, SYN_RECV, FIN_WAIT1, CLOSE_WAIT: linux/tcp_states.h
_KINDS: Final[Mapping[str, Sequence[str]]] = {
    "headers": ("-H", "-i", "1", "-u", "{url}/health"),
    "body": ("-B", "-i", "1", "-s", "1000000", "-u", "{url}/predict"),
    "reading": ("-X", "-n", "1", "-z", "5", "-w", "1", "-y", "512", "-k", "5", "-u", "{url}/"),
}


class Entry(NamedTuple):
    """One line of the kernel's table of TCP connections."""

    local: int
    """Ports."""
    remote: int
    state: str
    inode: str


def connections() -> Iterator[Entry]:
    """Read the table."""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        local, remote = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
        yield Entry(local, remote, fields[3], fields[9])


@dataclass
class Watch:
    """The connections of one attacking process, as the gateway's side of the table shows them."""

    port: int
    """Of the gateway."""
    attackers: set[int] = field(default_factory=set)
    """Their ports."""
    first: dict[int, float] = field(default_factory=dict)
    """When each was first seen to be held..."""
    last: dict[int, float] = field(default_factory=dict)
    """... and last, seconds."""

    def look(self, process: int) -> None:
        """Read the table once."""
        now, entries, theirs = time.monotonic(), list(connections()), _sockets(process)
        self.attackers |= {entry.local for entry in entries if entry.remote == self.port and entry.inode in theirs}
        for entry in entries:
            if entry.local == self.port and entry.remote in self.attackers and entry.state in _HELD:
                self.first.setdefault(entry.remote, now)
                self.last[entry.remote] = now

    def held_s(self) -> list[float]:
        """Return for how long each was held, seconds; short by two looks at most."""
        return [self.last[port] - begin for port, begin in self.first.items()]


def _sockets(process: int) -> set[str]:
    """Return the inodes of the sockets of a process."""
    found = set()
    try:
        for entry in Path(f"/proc/{process}/fd").iterdir():
            target = str(entry.readlink())
            if target.startswith("socket:["):
                found.add(target[len("socket:[") : -1])
    except OSError:  # it has ended, or closed what was just listed
        pass
    return found


def attack(command: Sequence[str], port: int, seconds: float) -> list[float]:
    """Run an attack and look at its connections meanwhile, in a process of its own that gives way to all others.

    Returns:
        For how long the gateway at `port` held each connection, seconds.
    """
    os.nice(10)  # attackers have machines of their own
    watch, end = Watch(port), time.monotonic() + seconds
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:  # noqa: S603 - `command_of` made it
        try:
            while time.monotonic() < end:
                watch.look(process.pid)
                time.sleep(_LOOK_S)
        finally:
            process.terminate()
    return watch.held_s()


def command_of(kind: str, arguments: argparse.Namespace) -> list[str]:
    """Return the command line of an attack."""
    options = [option.format(url=arguments.url) for option in _KINDS[kind]]
    flags = ("-c", str(arguments.connections), "-r", str(arguments.arrivals), "-l", str(round(arguments.seconds)))
    return [PROGRAM, *options, *flags]


async def post(address: Address, requests: Sequence[bytes], rate: float, seconds: float) -> list[Sample]:
    """Be the good client."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    return await post_on_schedule(address, requests, steady(rate), stop=stop)


async def measure(kind: str, images: Sequence[Image], arguments: argparse.Namespace) -> dict[str, object]:
    """Return the figures of one kind of attack: quiet and attacked by turns."""
    address = Address.parse(f"{arguments.url}/predict")
    requests = build_requests(address, images, *([f"X-API-Key: {arguments.key}"] if arguments.key else []))
    quiet: list[Sample] = []
    attacked: list[Sample] = []
    held: list[float] = []
    for _ in range(arguments.rounds):
        quiet += await post(address, requests, arguments.rate, arguments.seconds)
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            attacking = asyncio.get_running_loop().run_in_executor(
                pool, attack, command_of(kind, arguments), address.port, arguments.seconds
            )
            attacked += await post(address, requests, arguments.rate, arguments.seconds)
            held += await attacking
    before, meanwhile = (
        latencies_ms([sample for sample in samples if sample.status == 200]) for samples in (quiet, attacked)
    )
    return {
        "attack": kind,
        "attackers": len(held) // arguments.rounds,
        "held_s": {"median": round(statistics.median(held), 1), "longest": round(max(held), 1)} if held else {},
        "quiet_ms": {name: round(value, 1) for name, value in before.items()},
        "attacked_ms": {name: round(value, 1) for name, value in meanwhile.items()},
        "p99_ratio": round(meanwhile["p99"] / before["p99"], 2),
        "quiet": count_statuses(quiet),
        "attacked": count_statuses(attacked),
    }


def passes(figures: Mapping[str, object]) -> bool:
    """Return whether the good client was answered nearly as before, and the attackers were sent away in time."""
    held, ratio, statuses = figures["held_s"], figures["p99_ratio"], figures["attacked"]
    return (
        isinstance(held, dict)
        and held.get("longest", LONGEST_S) < LONGEST_S
        and isinstance(ratio, float)
        and ratio < DEAREST
        and isinstance(statuses, dict)
        and set(statuses) == {"200"}
    )


def main() -> int:
    """Run, print the figures as JSON lines, and return 1 where an attack did more than it may."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.slowclients", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the gateway, on this machine")
    parser.add_argument("--key", default=os.environ.get("PULMO_API_KEY", ""), help="the good client's; PULMO_API_KEY")
    parser.add_argument("--images", type=Path, default=Path("data/samples"), help="folder of the images to post")
    parser.add_argument("--attacks", nargs="+", choices=_KINDS, default=list(_KINDS))
    parser.add_argument("--connections", type=int, default=500, help="of the attackers")
    parser.add_argument("--arrivals", type=int, default=200, help="attackers that come in a second")
    parser.add_argument("--rate", type=float, default=20.0, help="images a second of the good client")
    parser.add_argument("--seconds", type=float, default=16.0, help="of each half of a round")
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    if shutil.which(PROGRAM) is None:
        raise SystemExit(f"{PROGRAM} is not on the PATH; Debian has it in a package of that name")
    try:
        images = read_images(arguments.images)
    except ImagesMissing as error:
        raise SystemExit(str(error)) from error
    try:
        httpx.get(f"{arguments.url}/health/live").raise_for_status()
    except httpx.HTTPError as error:
        raise SystemExit(f"no gateway answers at {arguments.url}: {error}; start one, or name it with --url") from error
    passed = True
    for kind in arguments.attacks:
        figures = asyncio.run(measure(kind, images, arguments))
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.stdout.flush()
        passed = passed and passes(figures)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
