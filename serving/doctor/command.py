"""The command line of the doctor."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from serving.doctor.asking import ask_server
from serving.doctor.facts import Use
from serving.doctor.findings import Finding, as_json, as_lines
from serving.doctor.reading import read_store
from serving.doctor.server_checks import check_server
from serving.doctor.store_checks import check_store
from serving.doctor.version_checks import check_versions

_ABOUT = "Check a store of versions, and the server that serves it, for known pitfalls, and say what to do."


def main(argv: Sequence[str]) -> int:
    """Print what was found, and return the exit status: 0 without errors, 1 with some.

    Raises:
        SystemExit: with 2, the arguments cannot be used; with 0, `--help` was asked for.
    """
    arguments = _parser().parse_args(argv)
    findings = examine(
        arguments.store,
        arguments.target,
        arguments.rest,
        Use(
            model=arguments.model,
            max_batch=arguments.max_batch,
            in_flight=arguments.in_flight,
            threads=arguments.grpc_max_threads,
            bfloat16=arguments.mixed_precision == "bfloat16",
        ),
        uid=arguments.uid,
    )
    sys.stdout.write(as_json(findings) if arguments.json else as_lines(findings))
    return int(any(finding.severity == "error" for finding in findings))


def examine(path: Path, target: str, rest: str, use: Use, *, uid: int) -> list[Finding]:
    """Check the store at `path`, and the server at `target` if that is not empty; `uid` is the server's user."""
    store = read_store(path, uid=uid)
    findings = [*check_store(store), *check_versions(store.versions, use)]
    if target:
        inputs = {version.number: version.input for version in store.versions if version.input is not None}
        findings += check_server(ask_server(target, rest, use, inputs), store, use)
    return findings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving doctor", description=_ABOUT, allow_abbrev=False)
    parser.add_argument("--store", type=Path, required=True, metavar="DIR", help="the model's base path")
    parser.add_argument(
        "--target", default="", metavar="ADDRESS", help="gRPC: HOST:PORT or unix:PATH; none: store only"
    )
    parser.add_argument("--rest", type=_url, default="", metavar="URL", help="the server's REST address, for metrics")
    parser.add_argument("--model", default="lung", help="the name that clients give the model (%(default)s)")
    parser.add_argument("--max-batch", type=_count, default=32, metavar="N", help="PULMO_MAX_BATCH (%(default)s)")
    parser.add_argument("--in-flight", type=_count, default=2, metavar="N", help="PULMO_MAX_IN_FLIGHT (%(default)s)")
    threads = 4 * len(os.sched_getaffinity(0))
    parser.add_argument(
        "--grpc-max-threads",
        type=_count,
        default=threads,
        metavar="N",
        help="the server's (4 for each CPU of this one)",
    )
    parser.add_argument(
        "--mixed-precision", choices=["", "bfloat16"], default="", help="what the server was started with"
    )
    parser.add_argument("--uid", type=int, default=os.geteuid(), help="number of the server's user (this process's)")
    parser.add_argument("--json", action="store_true", help="write JSON")
    return parser


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= 4096:
        raise argparse.ArgumentTypeError(f"{text!r} is refused: give a number from 1 to 4096")
    return value


def _url(text: str) -> str:
    if text and urlsplit(text).scheme not in ("http", "https"):
        raise argparse.ArgumentTypeError(f"{text!r} is refused: give an address that begins with http://")
    return text
