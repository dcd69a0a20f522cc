"""Memory that a call frees is there for the next one."""

from pathlib import Path

import grpc
import numpy as np

from proto import tfserving_pb2 as pb
from proto.methods import PREDICT
from serving.tensors import to_tensor
from tests.modelserver import MODEL, ModelServer

_CALLS = 20
_PAGES = 4096 * 32 * 32 // 4096
"""Of the images in a call."""


def faults(server: ModelServer) -> int:
    """Return how often the kernel has had to find a page for the server (proc_pid_stat(5), minflt)."""
    return int(Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()[7])


def test_calls_reuse_the_memory_of_those_before(model_server: ModelServer) -> None:
    """Else each call pays for each page of its images, and that several times over."""
    images = to_tensor(np.zeros((4096, 32, 32, 1), np.uint8), as_content=True)
    request = pb.PredictRequest(model_spec=pb.ModelSpec(name=MODEL), inputs={"images": images})
    with grpc.insecure_channel(model_server.target) as channel:
        predict = channel.unary_unary(
            PREDICT.path,
            request_serializer=PREDICT.request.SerializeToString,
            response_deserializer=PREDICT.response.FromString,
        )
        for _ in range(_CALLS):
            predict(request, timeout=30)
        before = faults(model_server)
        for _ in range(_CALLS):
            predict(request, timeout=30)
        each = (faults(model_server) - before) / _CALLS

    assert each < _PAGES / 2
