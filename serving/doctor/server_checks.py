"""What can be wrong with a server, and between it and the store; pure."""

from collections.abc import Iterator
from itertools import pairwise

from serving.doctor.facts import Server, Store, Use
from serving.doctor.findings import Finding, error, ok, warning
from serving.doctor.version_checks import differing_labels

_NOTICE = 10.0
"""Seconds within which a server should have noticed a version, or looked at its base path."""
_LIMIT = 4 * 2**20
"""The largest message that gRPC's clients, and servers in Python, take unless they are told otherwise."""


def check_server(server: Server, store: Store, use: Use) -> Iterator[Finding]:
    """Judge what a server says."""
    if server.problem:
        yield error(
            "server",
            f"{server.target} does not answer for the model {use.model}: {server.problem}",
            "a server opens no port before every model has a version that loads (serving#784, serving#1767)",
            "look at the server's log; check --target and --model",
        )
        return
    states = ", ".join(f"{status.number} {status.state}" for status in server.statuses)
    yield ok("server", f"{server.target} serves {use.model}: {states}")
    yield from _states(server, store)
    yield from _noticed(server, store)
    yield from _described(server)
    yield from _batch(server, use)
    yield from _quota(use)
    yield from _rest(server, use)


def _states(server: Server, store: Store) -> Iterator[Finding]:
    here = {version.number for version in store.versions}
    for status in server.statuses:
        if status.error and status.number in here:
            yield error(
                "states",
                f"version {status.number} is {status.state}: {status.error}",
                "the server does not serve it; the original does not try again after its retries (serving#1738)",
                "publish it again under a new number, and retire this one",
            )
    if not any(status.state == "AVAILABLE" for status in server.statuses):
        yield error("states", "no version is AVAILABLE", "every request fails", "see the versions' errors")
    strangers = [
        status.number for status in server.statuses if status.state == "AVAILABLE" and status.number not in here
    ]
    if strangers and not store.problem:
        yield error(
            "states",
            f"the server serves {', '.join(map(str, strangers))}, which {store.path} does not hold",
            "the server looks at another folder, or does not look any more (serving#2189)",
            "compare --store with the base_path that the server was started with",
        )


def _noticed(server: Server, store: Store) -> Iterator[Finding]:
    if not store.versions:
        return
    newest = store.versions[-1]
    if any(status.number == newest.number for status in server.statuses):
        yield ok("polling", f"the server knows the newest version, {newest.number}")
    elif newest.age < _NOTICE:
        yield ok("polling", f"version {newest.number} is {newest.age:.0f} s old, and not known to the server yet")
    else:
        yield error(
            "polling",
            f"the server does not know version {newest.number}, which is {newest.age:.0f} s old",
            "one base path that is missing stops the polling of all models (serving#2189, serving#1693)",
            "look at the server's log and at the base_path of every model; check that its policy wants the newest",
        )


def _described(server: Server) -> Iterator[Finding]:
    for number, labels in server.labels.items():
        if labels is None:
            yield error(
                "describe",
                f"version {number} does not describe itself",
                "the gateway does not ask a version without a manifest",
                "publish it again with `trainer publish`",
            )
    known = sorted((number, labels) for number, labels in server.labels.items() if labels is not None)
    for (older, before), (newer, after) in pairwise(known):
        if before != after:
            yield differing_labels(older, newer)
    if known and len(known) == len(server.labels):
        yield ok("describe", "every version that is served describes itself")


def _batch(server: Server, use: Use) -> Iterator[Finding]:
    if not server.probe_bytes:
        return
    size = f"a batch of {use.max_batch} images, {server.probe_bytes / 2**20:.1f} MiB,"
    if server.probe_problem:
        yield error(
            "batch",
            f"{size} is refused: {server.probe_problem}",
            "gRPC takes 4 MiB unless both sides are told otherwise (serving#1382), and servers refuse what they batch",
            "raise the server's message limit, keep its own batching off, or lower PULMO_MAX_BATCH",
        )
    else:
        note = "; a client other than the gateway must raise its limit of 4 MiB" if server.probe_bytes > _LIMIT else ""
        yield ok("batch", f"{size} is answered{note}")


def _quota(use: Use) -> Iterator[Finding]:
    told = f"{use.in_flight} calls in flight, and the server has threads for {use.threads}"
    if use.in_flight < use.threads:
        yield ok("threads", told)
    else:
        yield error(
            "threads",
            told,
            'a call beyond the quota is refused with RESOURCE_EXHAUSTED "Server Threadpool Exhausted"',
            "set PULMO_MAX_IN_FLIGHT below --grpc_max_threads (4 for each CPU), which status calls need as well",
        )


def _rest(server: Server, use: Use) -> Iterator[Finding]:
    if not server.rest:
        return
    if server.rest_problem:
        yield error(
            "REST",
            f"it does not answer for {use.model}: {server.rest_problem}",
            "Prometheus has no metrics without it",
            "start the server with --rest_api_port, and check --rest",
        )
    elif server.metrics_problem:
        yield warning(
            "metrics",
            f"there are none: {server.metrics_problem}",
            "metrics need both --rest_api_port and --monitoring_config_file",
            "start the server with --monitoring_config_file=serving/config/monitoring.config",
        )
    elif server.poll_age is None:
        yield ok("metrics", "they are there, and do not tell when the base path was last read, as in the original")
    elif server.poll_age > _NOTICE:
        yield error(
            "polling",
            f"the base path could last be read {server.poll_age:.0f} s ago",
            "new versions are not noticed (serving#2189)",
            "look at the server's log; check that the base path is there and may be read",
        )
    else:
        yield ok("metrics", f"they are there; the base path was read {server.poll_age:.1f} s ago")
