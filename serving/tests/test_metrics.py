"""The names of the metrics, their text, and what is counted."""

from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from proto import tfserving_pb2 as pb
from serving.accounting import Calls, CountedLoads, TimedModel, counted_warmup
from serving.errors import ServingError, invalid
from serving.exposition import exposed
from serving.metrics import Metrics, ModelState, ModelStates
from serving.tests.memory import MemoryModel, MemoryStore

PREFIX = ":tensorflow:serving:"
SAVED = ":tensorflow:cc:saved_model:"
AVAILABLE, LOADING, END = (
    pb.ModelVersionStatus.AVAILABLE,
    pb.ModelVersionStatus.LOADING,
    pb.ModelVersionStatus.END,
)


def status(version: int, state: pb.ModelVersionStatus.State, code: int = 0) -> pb.ModelVersionStatus:
    outcome = pb.ModelVersionStatus.Status(error_code=code)
    return pb.ModelVersionStatus(version=version, state=state, status=outcome)


@pytest.fixture
def metrics() -> Metrics:
    statuses = [status(4, END, 15), status(3, LOADING), status(2, AVAILABLE), status(1, END)]
    metrics = Metrics(CollectorRegistry())
    metrics.registry.register(ModelStates(lambda: [ModelState("lung", statuses, {4}, 0.5, 3)]))
    return metrics


@pytest.fixture
def clock() -> Callable[[], float]:
    """A clock that goes on by 100 microseconds whenever it is looked at."""
    ticks: Iterator[int] = iter(range(10**6))
    return lambda: next(ticks) * 1e-4


def samples(metrics: Metrics) -> dict[str, float]:
    """Return what a scrape shows, by line without value."""
    lines = exposed(metrics.registry).splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}


def test_the_names_and_types_are_those_of_tensorflow_serving(metrics: Metrics) -> None:
    text = exposed(metrics.registry)
    types = dict(line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE"))

    assert {name: kind for name, kind in types.items() if name.startswith(":tensorflow")} == {
        f"{PREFIX}request_count": "counter",
        f"{PREFIX}request_latency": "histogram",
        f"{PREFIX}runtime_latency": "histogram",
        f"{PREFIX}request_example_counts": "histogram",
        f"{PREFIX}model_warmup_latency": "histogram",
        f"{PREFIX}model_warmup_records_read": "counter",
        ":tensorflow:cc:saved_model:load_attempt_count": "counter",
        ":tensorflow:cc:saved_model:load_latency": "counter",
    }
    assert [line.split()[2] for line in text.splitlines() if line.startswith("# HELP")] == list(types)


def test_a_histogram_has_the_33_limits_of_tensorflow_serving(metrics: Metrics) -> None:
    metrics.request_latency.labels("lung", "Predict", "GRPC").observe(100)
    text = exposed(metrics.registry)
    head = f'{PREFIX}request_latency_bucket{{model_name="lung",API="Predict",entrypoint="GRPC",le="'
    limits = [line.removeprefix(head).split('"')[0] for line in text.splitlines() if line.startswith(head)]

    assert limits[:6] == ["10", "18", "32.4", "58.32", "104.976", "188.957"]
    assert (len(limits), limits[-1]) == (34, "+Inf")
    assert f'{head}58.32"}} 0\n{head}104.976"}} 1\n' in text
    assert f'{PREFIX}request_latency_sum{{model_name="lung",API="Predict",entrypoint="GRPC"}} 100\n' in text


def test_the_text_is_what_prometheus_reads(metrics: Metrics) -> None:
    metrics.request_count.labels('a "b"\\\n', "OK").inc(3)
    families = list(text_string_to_metric_families(exposed(metrics.registry)))
    (sample,) = (sample for family in families for sample in family.samples if "request_count" in sample.name)

    assert (sample.labels, sample.value) == ({"model_name": 'a "b"\\\n', "status": "OK"}, 3)


def test_the_states_of_versions_and_the_age_of_the_poll_are_shown(metrics: Metrics) -> None:
    shown = {line: value for line, value in samples(metrics).items() if line.startswith("pulmo")}

    assert shown == {
        'pulmo_serving_version_state{model_name="lung",version="4",state="END"}': 1,
        'pulmo_serving_version_state{model_name="lung",version="3",state="LOADING"}': 1,
        'pulmo_serving_version_state{model_name="lung",version="2",state="AVAILABLE"}': 1,
        'pulmo_serving_failing_versions{model_name="lung"}': 1,
        'pulmo_serving_calls_in_progress{model_name="lung"}': 3,
        'pulmo_serving_last_poll_age_seconds{model_name="lung"}': 0.5,
    }


def test_the_memory_of_the_process_is_shown(metrics: Metrics) -> None:
    assert samples(metrics)["process_resident_memory_bytes{}"] > 2**20


def test_calls_add_up_and_only_those_that_succeed_are_timed(metrics: Metrics, clock: Callable[[], float]) -> None:
    calls = Calls(metrics, "lung".__eq__, clock)
    for error in (None, None, invalid("wrong"), ServingError(grpc.StatusCode.NOT_FOUND, "gone"), ZeroDivisionError()):
        try:
            with calls.one("GRPC") as asked:
                asked.model, asked.api = "lung", "Predict"
                if error:
                    raise error
        except (ServingError, ZeroDivisionError):
            pass
    counts = {line: value for line, value in samples(metrics).items() if "request_count" in line}

    assert counts == {
        f'{PREFIX}request_count{{model_name="lung",status="OK"}}': 2,
        f'{PREFIX}request_count{{model_name="lung",status="INVALID_ARGUMENT"}}': 1,
        f'{PREFIX}request_count{{model_name="lung",status="NOT_FOUND"}}': 1,
        f'{PREFIX}request_count{{model_name="lung",status="INTERNAL"}}': 1,
    }
    labels = '{model_name="lung",API="Predict",entrypoint="GRPC"}'
    assert samples(metrics)[f"{PREFIX}request_latency_count{labels}"] == 2
    assert samples(metrics)[f"{PREFIX}request_latency_sum{labels}"] == pytest.approx(200)


def test_names_that_clients_make_up_are_counted_without_a_name(metrics: Metrics) -> None:
    calls = Calls(metrics, "lung".__eq__)
    for name in ("a", "b", "c"):
        with calls.one("REST") as asked:
            asked.model = name
    counts = {line: value for line, value in samples(metrics).items() if "request_count" in line}

    assert counts == {f'{PREFIX}request_count{{model_name="",status="OK"}}': 3}


def test_loads_are_counted_and_those_that_succeed_are_timed(
    metrics: Metrics, clock: Callable[[], float], tmp_path: Path
) -> None:
    store = MemoryStore(tmp_path)
    store.broken.add(2)
    load = CountedLoads(store.load, metrics, clock)
    assert load(tmp_path / "1") is store.models[1]
    with pytest.raises(ServingError):
        load(tmp_path / "2")
    shown = {line: value for line, value in samples(metrics).items() if line.startswith(f"{SAVED}load")}

    assert shown == {
        f'{SAVED}load_attempt_count{{model_path="{tmp_path}/1",status="success"}}': 1,
        f'{SAVED}load_attempt_count{{model_path="{tmp_path}/2",status="fail"}}': 1,
        f'{SAVED}load_latency{{model_path="{tmp_path}/1"}}': pytest.approx(100),
    }


def test_the_runs_that_succeed_are_timed(metrics: Metrics, clock: Callable[[], float]) -> None:
    model = TimedModel(MemoryModel(), metrics, "lung", clock)
    answer = model.run("serving_default", {"x": np.ones(1, np.float32)}, ["double"], None)
    with pytest.raises(ServingError):
        model.run("serving_default", {"x": np.full(1, np.nan, np.float32)}, ["double"], None)
    labels = '{model_name="lung",API="Predict",runtime="TF1"}'

    assert answer == {"double": [2]}
    assert samples(metrics)[f"{PREFIX}runtime_latency_sum{labels}"] == pytest.approx(100)
    assert samples(metrics)[f"{PREFIX}runtime_latency_count{labels}"] == 1


def test_the_loads_of_old_versions_are_not_shown_for_ever(metrics: Metrics, tmp_path: Path) -> None:
    load = CountedLoads(MemoryStore(tmp_path).load, metrics)
    for version in range(200):
        load(tmp_path / str(version))
    shown = [line for line in samples(metrics) if "load_attempt_count" in line]

    assert len(shown) == 64
    assert f'"{tmp_path}/199"' in shown[-1]


def test_a_warmup_is_timed_and_its_records_are_counted(metrics: Metrics, clock: Callable[[], float]) -> None:
    with counted_warmup(metrics, Path("/m/1"), clock) as replayed:
        replayed(4)
    with pytest.raises(ServingError), counted_warmup(metrics, Path("/m/2"), clock):
        raise invalid("no record")
    shown = samples(metrics)

    assert shown[f'{PREFIX}model_warmup_records_read{{model_path="/m/1"}}'] == 4
    assert shown[f'{PREFIX}model_warmup_latency_sum{{model_path="/m/1",status="OK"}}'] == pytest.approx(100)
    assert shown[f'{PREFIX}model_warmup_latency_count{{model_path="/m/2",status="INVALID_ARGUMENT"}}'] == 1
