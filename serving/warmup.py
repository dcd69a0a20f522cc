"""Replay a version's warm-up records before it is served: `servables/tensorflow/saved_model_warmup.cc`."""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import grpc
from google.protobuf.message import DecodeError

from proto import tfserving_pb2 as pb
from serving.errors import ServingError, invalid
from serving.prediction import Model, predict

LIMIT = 1000
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")


def read_records(path: Path) -> Iterator[bytes]:
    """Return the records of a TFRecord file: length, its checksum, data, its checksum (`tsl/lib/io/record_writer.h`).

    Raises:
        ServingError: DATA_LOSS, a record is cut off or does not have its checksum, or the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            while file.tell() < size:
                begin = file.tell()
                (length,) = _LENGTH.unpack(_checked(file, _LENGTH.size, begin))
                yield _checked(file, length, begin)
    except OSError as error:
        raise _corrupt(f"{path.name} cannot be read: {error.strerror}") from error


def _checked(file: BinaryIO, length: int, begin: int) -> bytes:
    """Read `length` bytes and the masked CRC-32C that follows them."""
    content = file.read(length) if length < 2**31 else b""
    checksum = file.read(_CHECKSUM.size)
    if len(content) < length or len(checksum) < _CHECKSUM.size:
        raise _corrupt(f"truncated record at {begin}")
    crc = google_crc32c.value(content)
    if _CHECKSUM.unpack(checksum) != ((((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF,):
        raise _corrupt(f"corrupted record at {begin}")
    return content


def _corrupt(what: str) -> ServingError:
    return ServingError(grpc.StatusCode.DATA_LOSS, f"{what} Please verify your warmup data is in TFRecord format.")


def replay(model: Model, records: Iterable[bytes]) -> int:
    """Send each record, a serialized PredictionLog, through `model`, and return how many there were.

    Raises:
        ServingError: there are more than 1000 records, one is no PredictionLog of a Predict call, or one fails.
    """
    count = 0
    for count, record in enumerate(records, start=1):
        if count > LIMIT:
            raise invalid(f"Number of warmup records exceeds the maximum ({LIMIT})")
        predict(model, _request(record))
    return count


def _request(record: bytes) -> pb.PredictRequest:
    try:
        log = pb.PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid(f"Failed to parse warmup record: {error}") from error
    if not log.HasField("predict_log"):
        raise ServingError(
            grpc.StatusCode.UNIMPLEMENTED, "Unsupported log_type for warmup: only predict_log is understood"
        )
    return log.predict_log.request
