"""What can be wrong with one version; pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from proto import tfserving_pb2 as pb
from serving.doctor.facts import Input, Use, Version, Warmup
from serving.doctor.findings import Finding, error, ok, warning
from serving.parity import allows_bfloat16

_COPY = "publish it again; copy a version under a name that is no number, and rename it when the copy is complete"
_AGAIN = "publish it again with `trainer publish`"


def check_versions(versions: Sequence[Version], use: Use) -> Iterator[Finding]:
    """Judge every version, and how they go together."""
    for version in versions:
        yield from check_version(version, use)
    yield from _labels(versions)
    if use.bfloat16 and versions:
        yield _bfloat16(versions[-1])


def check_version(version: Version, use: Use) -> Iterator[Finding]:
    """Judge one version."""
    at = f"version {version.number}"
    problems = [problem for check in (_whole, _readable, _described) for problem in check(version, at)]
    problems += _warm(version, use, at)
    yield from problems
    if not problems:
        yield ok(at, "whole, readable, described, and warm for every batch size in use")


def _whole(version: Version, at: str) -> Iterator[Finding]:
    why = "the server takes a half-copied version as it is, and fails or serves garbage (serving#1738)"
    if version.graph_problem:
        yield error(at, version.graph_problem, why, _COPY)
    if version.missing_shards:
        yield error(at, f"variables/ lacks {', '.join(version.missing_shards)}", why, _COPY)
    if version.damage:
        yield error(at, version.damage, why, _COPY)
    elif not version.has_checksums:
        yield warning(
            at,
            "has no assets.extra/SHA256SUMS",
            "a copy of it that is not whole cannot be told from one that is (serving#1738)",
            _AGAIN,
        )


def _readable(version: Version, at: str) -> Iterator[Finding]:
    if version.unreadable:
        first, *others = version.unreadable
        more = f" and {len(others)} more" if others else ""
        yield error(
            at,
            f"the server's user may not read {first}{more}",
            "the version cannot be loaded",
            "chmod -R a+rX its folder, or run the server as the user who publishes",
        )


def _described(version: Version, at: str) -> Iterator[Finding]:
    why = "the gateway learns the class names and the image's size from it, and does not ask a version without"
    if not version.graph_problem and "describe" not in version.signatures:
        yield error(at, "has no signature describe", why, _AGAIN)
    if version.manifest_problem:
        yield warning(at, version.manifest_problem, "`trainer list` and this command cannot say what it is", _AGAIN)


def _warm(version: Version, use: Use, at: str) -> Iterator[Finding]:
    if version.warmup is None:
        yield warning(
            at,
            "has no warm-up records (assets.extra/tf_serving_warmup_requests)",
            "nobody says that they are missing, and the first call of each batch size is slow (serving#385)",
            _AGAIN,
        )
    elif version.warmup.problem:
        yield error(
            at,
            f"its warm-up records are corrupt: {version.warmup.problem}",
            "a version whose warm-up fails is not loaded (serving#1679)",
            _AGAIN,
        )
    elif version.input is not None:
        yield from _records(version.warmup, version.input, use, at)


def _records(warmup: Warmup, wanted: Input, use: Use, at: str) -> Iterator[Finding]:
    wrong = next((text for inputs in warmup.inputs if (text := _misfit(inputs.get(wanted.alias), wanted))), "")
    if wrong:
        yield error(
            at,
            f"a warm-up record does not fit the signature: {wrong}",
            "a version whose warm-up fails is not loaded (serving#1414)",
            _AGAIN,
        )
        return
    sizes = {inputs[wanted.alias].tensor_shape.dim[0].size for inputs in warmup.inputs}
    missing = [str(size) for size in use.batch_sizes if size not in sizes]
    if missing:
        yield warning(
            at,
            f"has no warm-up record for the batch sizes {', '.join(missing)}",
            "the first call of each such size is slow: a record warms its own size only (TFSERVING.md 1.5)",
            _AGAIN,
        )


def _misfit(tensor: pb.Tensor | None, wanted: Input) -> str:
    """Say how a warm-up record differs from what the signature takes; empty where it does not."""
    if tensor is None:
        return f"it has no input {wanted.alias!r}"
    if tensor.dtype != wanted.dtype:
        given, expected = (_name(dtype) for dtype in (tensor.dtype, wanted.dtype))
        return f"{wanted.alias} is {given}, and {expected} is expected"
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    fits = len(shape) == len(wanted.shape) and all(
        expected in (-1, given) for given, expected in zip(shape, wanted.shape, strict=True)
    )
    return "" if fits and shape else f"{wanted.alias} has the shape {list(shape)}, and {list(wanted.shape)} is expected"


def _name(dtype: pb.DataType) -> str:
    return pb.DataType.Name(dtype) if dtype in pb.DataType.values() else f"type {dtype}"


def _labels(versions: Sequence[Version]) -> Iterator[Finding]:
    known = [version for version in versions if version.labels is not None]
    for older, newer in pairwise(known):
        if older.labels != newer.labels:
            yield differing_labels(older.number, newer.number)


def differing_labels(older: int, newer: int) -> Finding:
    """Say that two versions have other class names."""
    return warning(
        "labels",
        f"the class names of version {newer} are not those of version {older}, or in another order",
        "answers of the two cannot be compared, and a client that counts columns mixes classes up",
        "train on a data set with the same classes, or tell the clients to go by names",
    )


def _bfloat16(newest: Version) -> Finding:
    reason = allows_bfloat16(newest.parity)
    if reason is None:
        return ok("bfloat16", f"version {newest.number} was checked in bfloat16 and passed")
    return warning(
        "bfloat16",
        f"version {newest.number} may not be computed in bfloat16: {reason}",
        "the real server does so anyway, with other answers; the embedded one computes it in float32, slower",
        "publish on a processor that has bfloat16, or serve without --mixed_precision",
    )
