"""Memory that a call frees is there for the next one, in huge pages."""

from pathlib import Path

import grpc
import numpy as np
import pytest

from proto import tfserving_pb2 as pb
from proto.methods import PREDICT
from serving.heap import with_tunables
from serving.tensors import to_tensor
from tests.modelserver import MODEL, ModelServer

_CALLS = 20
_PAGES = 4096 * 32 * 32 // 4096
"""Of the images in a call."""

_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


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


def test_the_heap_asks_for_huge_pages(model_server: ModelServer) -> None:
    """For each of them the kernel is called once, and not 512 times."""
    if not _HUGE_PAGES.exists() or "[madvise]" not in _HUGE_PAGES.read_text():
        pytest.skip(f"{_HUGE_PAGES} is not madvise: huge pages are for all or for none")
    flags = Path(f"/proc/{model_server.process.pid}/smaps").read_text()

    assert " hg" in flags  # proc_pid_smaps(5): a mapping that is advised to use them


def test_what_the_operator_has_set_of_the_heap_stays() -> None:
    tuned = with_tunables({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=0:glibc.rtld.nns=4", "PATH": "/bin"})

    assert tuned == {
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=0:glibc.rtld.nns=4:"
        "glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=1073741824",
        "PATH": "/bin",
    }


def test_a_tuned_environment_stays_as_it_is() -> None:
    tuned = with_tunables({})

    assert with_tunables(tuned) == tuned
