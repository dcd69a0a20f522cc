"""Arrays survive the way through messages."""

import numpy as np
import pytest
from google.protobuf.wrappers_pb2 import Int64Value
from hypothesis import given
from hypothesis import strategies as st

from gateway.tensors import frame_images, unpack_floats, unpack_string
from proto import tfserving_pb2 as pb
from tests.images import pixels


@given(
    st.text(max_size=200),
    st.integers(0, 2**63 - 1),
    st.integers(1, 40),
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.sampled_from([1, 3])),
)
def test_a_request_is_what_protobuf_would_make_of_it(
    model: str, version: int, count: int, shape: tuple[int, int, int]
) -> None:
    """Whatever the number and the shape of the images: row i is image i, and each length is that of what follows."""
    images = [np.full(shape, seed, np.uint8) for seed in range(count)]
    built = pb.PredictRequest(model_spec=pb.ModelSpec(name=model, version=Int64Value(value=version)))
    tensor = built.inputs["images"]
    tensor.dtype, tensor.tensor_content = pb.DT_UINT8, np.stack(images).tobytes()
    tensor.tensor_shape.dim.extend(pb.TensorShape.Dim(size=size) for size in (count, *shape))

    assert built == pb.PredictRequest.FromString(frame_images(model, version, images))


def test_images_of_the_size_that_is_served_are_framed_row_by_row() -> None:
    """Lengths of four bytes; rows may be parts of one array."""
    batch = np.stack([pixels(seed, 224) for seed in range(32)])

    tensor = pb.PredictRequest.FromString(frame_images("lung", 1, list(batch))).inputs["images"]

    assert [dim.size for dim in tensor.tensor_shape.dim] == [32, 224, 224, 3]
    assert batch.tobytes() == tensor.tensor_content


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
