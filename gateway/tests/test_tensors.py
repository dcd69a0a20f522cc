"""Arrays survive the way through messages."""

import numpy as np
import pytest

from gateway.tensors import pack_images, unpack_floats, unpack_string
from proto import tfserving_pb2 as pb
from tests.images import pixels


def test_images_are_packed_row_by_row() -> None:
    """Row i is image i."""
    images = [pixels(seed, 4) for seed in range(3)]

    tensor = pack_images(images)

    assert np.array_equal(np.stack(images), np.frombuffer(tensor.tensor_content, np.uint8).reshape(3, 4, 4, 3))


@pytest.mark.parametrize("encoding", ["float_val", "tensor_content"])
def test_both_encodings_of_an_answer_are_read(encoding: str) -> None:
    """TensorFlow Serving sends typed fields, unless it is told to send bytes."""
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    shape = pb.TensorShape(dim=[pb.TensorShape.Dim(size=size) for size in values.shape])
    tensor = pb.Tensor(dtype=pb.DT_FLOAT, tensor_shape=shape)
    if encoding == "float_val":
        tensor.float_val.extend(values.ravel().tolist())
    else:
        tensor.tensor_content = values.tobytes()

    assert np.array_equal(values, unpack_floats(tensor))


@pytest.mark.parametrize(
    "tensor",
    [
        pb.Tensor(dtype=pb.DT_DOUBLE),
        pb.Tensor(dtype=pb.DT_FLOAT, tensor_shape=pb.TensorShape(dim=[pb.TensorShape.Dim(size=2)]), float_val=[1.0]),
    ],
    ids=["another type", "too few values"],
)
def test_an_answer_that_contradicts_itself_is_refused(tensor: pb.Tensor) -> None:
    """A wrong answer must not become a prediction."""
    with pytest.raises(ValueError, match=r"DT_DOUBLE|reshape"):
        unpack_floats(tensor)


def test_a_description_is_one_string() -> None:
    """`describe` answers one manifest."""
    assert unpack_string(pb.Tensor(dtype=pb.DT_STRING, string_val=[b"{}"])) == b"{}"
    with pytest.raises(ValueError, match="0 values"):
        unpack_string(pb.Tensor(dtype=pb.DT_STRING))
