"""One file of the corpus, and what it must be answered with."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

Verdict = Literal["valid", "refused", "either"]


class Case(NamedTuple):
    """A file."""

    name: str
    """What was done to which file."""
    body: bytes
    verdict: Verdict
    """`valid`: it is an image. `refused`: it is none. `either`: what was damaged may not count; then it is an image
    exactly where the trainer's decoder gives an array."""


def flipped(name: str, body: bytes, count: int, seed: int) -> Iterator[Case]:
    """Yield copies with one to four bits flipped anywhere."""
    random = np.random.default_rng(seed)
    for number in range(count):
        damaged = bytearray(body)
        for _ in range(1 + number % 4):
            damaged[random.integers(len(body))] ^= 1 << int(random.integers(8))
        yield Case(f"{name}, bits flipped, {number}", bytes(damaged), "either")


def overwritten(name: str, body: bytes, count: int, seed: int) -> Iterator[Case]:
    """Yield copies with a stretch of random bytes, zeros or ones in them, or with a stretch missing or doubled."""
    random = np.random.default_rng(seed)
    for number in range(count):
        begin, length = int(random.integers(len(body))), int(random.integers(1, 64))
        noise = (random.bytes(length), bytes(length), b"\xff" * length, b"", 2 * body[begin : begin + length])
        damaged = body[:begin] + noise[number % len(noise)] + body[begin + length :]
        yield Case(f"{name}, overwritten, {number}", damaged, "either")


def cut(name: str, body: bytes, places: set[int]) -> Iterator[Case]:
    """Yield the beginnings of a file that end at, just before and just behind each place."""
    ends = {place + offset for place in places for offset in (-1, 0, 1)}
    for end in sorted(ends & set(range(1, len(body)))):
        yield Case(f"{name}, cut at {end}", body[:end], "refused")
