"""A prediction that nobody wants, and the warm-up that nobody waits for."""

from dataclasses import dataclass

import grpc
import pytest

from proto import tfserving_pb2 as pb
from serving.errors import ServingError
from serving.prediction import predict
from serving.tests.memory import MemoryModel, request
from serving.warmup import replay


@dataclass
class ACall:
    """A call in a known state."""

    active: bool
    remaining: float | None

    def is_active(self) -> bool:
        return self.active

    def time_remaining(self) -> float | None:
        return self.remaining


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(ACall(active=False, remaining=None), grpc.StatusCode.CANCELLED, id="its client has gone"),
        pytest.param(ACall(active=True, remaining=0), grpc.StatusCode.DEADLINE_EXCEEDED, id="its deadline has passed"),
    ],
)
def test_a_call_does_not_reach_the_model_when(call: ACall, code: grpc.StatusCode) -> None:
    model = MemoryModel()
    with pytest.raises(ServingError) as caught:
        predict(model, request(1), call)

    assert (caught.value.code, model.runs) == (code, 0)


def test_all_outputs_come_without_a_filter_and_the_chosen_ones_with_it() -> None:
    chosen = request(1)
    chosen.output_filter.append("half")

    assert set(predict(MemoryModel(), request(1)).outputs) == {"double", "half"}
    assert set(predict(MemoryModel(), chosen).outputs) == {"half"}


def log(message: pb.PredictRequest) -> bytes:
    return pb.PredictionLog(predict_log=pb.PredictionLog.PredictLog(request=message)).SerializeToString()


def test_each_warmup_record_is_replayed() -> None:
    model = MemoryModel()

    assert (replay(model, [log(request(1)), log(request(1, 2))]), model.runs) == (2, 2)


@pytest.mark.parametrize(
    ("records", "code", "text"),
    [
        pytest.param([b"\xff"], grpc.StatusCode.INVALID_ARGUMENT, "Failed to parse", id="no PredictionLog"),
        pytest.param([b""], grpc.StatusCode.UNIMPLEMENTED, "Unsupported log_type", id="a log of another call"),
        pytest.param(
            [log(request(float("nan")))], grpc.StatusCode.INVALID_ARGUMENT, "x holds NaN", id="a failing call"
        ),
        pytest.param([log(request(1))] * 1001, grpc.StatusCode.INVALID_ARGUMENT, "exceeds the maximum", id="too many"),
    ],
)
def test_warmup_fails_with(records: list[bytes], code: grpc.StatusCode, text: str) -> None:
    with pytest.raises(ServingError, match=text) as caught:
        replay(MemoryModel(), records)

    assert caught.value.code == code
