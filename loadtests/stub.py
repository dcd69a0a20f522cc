"""A model server with an exact service time, so that what is measured is the gateway and not TensorFlow.

    python -m loadtests.stub --socket /tmp/stub --base 0.02 --per-image 0.004

It has one device: a batch of n images takes `base + n * per-image` seconds, one batch after the other, and no processor
time to speak of. It serves version 1 of one model. On SIGTERM it prints what it did, as JSON.
"""

import argparse
import asyncio
import json
import signal
import struct
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import grpc
import grpc.aio

from proto import tfserving_pb2 as pb
from proto.methods import GET_MODEL_STATUS, PREDICT

VERSION: Final = 1
LABELS: Final = ("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma")
_ROW: Final = struct.pack("<4f", 0.1, 0.2, 0.6, 0.1)
_OPTIONS: Final = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class Device:
    """What computes: one batch at a time, for as long as its size says."""

    def __init__(self, base_s: float, per_image_s: float) -> None:
        self._base_s = base_s
        self._per_image_s = per_image_s
        self._turn = asyncio.Lock()
        self._free = 0.0
        """When the last batch was done: the next one that waited begins there, however late the loop wakes."""

    async def compute(self, images: int) -> None:
        """Take the time of a batch; an abandoned batch that has not begun takes none."""
        loop = asyncio.get_running_loop()
        arrived = loop.time()
        async with self._turn:
            begin = max(self._free, arrived)
            self._free = begin + self._base_s + images * self._per_image_s
            await asyncio.sleep(self._free - loop.time())


@dataclass
class Done:
    """What was asked of the server."""

    calls: int = 0
    rows: int = 0
    """Images in these calls."""
    abandoned_rows: int = 0
    """Of these, those of calls that the client cancelled or whose deadline passed."""


class StubServer:
    """The two services that the gateway speaks with."""

    def __init__(self, device: Device, side: int) -> None:
        self.done = Done()
        self._device = device
        spec = {"mode": "L", "height": side, "width": side, "resample": "bilinear"}
        self._manifest = json.dumps({"labels": LABELS, "image": spec, "metrics": {}, "architecture": "stub"}).encode()

    async def status(self, _request: pb.GetModelStatusRequest, _context: object) -> pb.GetModelStatusResponse:
        """ModelService.GetModelStatus."""
        reply = pb.GetModelStatusResponse()
        reply.model_version_status.add(version=VERSION, state="AVAILABLE")
        return reply

    async def predict(self, request: pb.PredictRequest, _context: object) -> pb.PredictResponse:
        """PredictionService.Predict."""
        reply = pb.PredictResponse()
        if request.model_spec.signature_name == "describe":
            reply.outputs["manifest"].CopyFrom(pb.Tensor(dtype=pb.DT_STRING, string_val=[self._manifest]))
            return reply
        rows = request.inputs["images"].tensor_shape.dim[0].size
        self.done.calls += 1
        self.done.rows += rows
        try:
            await self._device.compute(rows)
        except asyncio.CancelledError:
            self.done.abandoned_rows += rows
            raise
        output = reply.outputs["probabilities"]
        output.dtype, output.tensor_content = pb.DT_FLOAT, _ROW * rows
        output.tensor_shape.dim.extend(pb.TensorShape.Dim(size=size) for size in (rows, len(LABELS)))
        return reply


async def serve(socket: str, stub: StubServer) -> None:
    """Serve on the Unix socket until SIGTERM or SIGINT."""
    server = grpc.aio.server(options=_OPTIONS)
    answers: tuple[tuple[Any, Callable[..., Awaitable[Any]]], ...] = (
        (PREDICT, stub.predict),
        (GET_MODEL_STATUS, stub.status),
    )
    for method, answer in answers:
        handler = grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=method.request.FromString,
            response_serializer=method.response.SerializeToString,
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(method.service, {method.name: handler}),))
    server.add_insecure_port(f"unix:{socket}")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.start()
    await stop.wait()
    await server.stop(0.5)


def main() -> None:
    """Run the server, then say what it did."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.stub", description=__doc__)
    parser.add_argument("--socket", required=True, help="the Unix socket to listen on")
    parser.add_argument("--base", type=float, default=0.02, help="seconds of a batch, whatever its size")
    parser.add_argument("--per-image", type=float, default=0.004, help="seconds of each image in it")
    parser.add_argument("--side", type=int, default=32, help="height and width of the images that it takes, pixels")
    arguments = parser.parse_args()
    stub = StubServer(Device(arguments.base, arguments.per_image), arguments.side)
    asyncio.run(serve(arguments.socket, stub))
    sys.stdout.write(json.dumps(vars(stub.done)) + "\n")


if __name__ == "__main__":
    main()
