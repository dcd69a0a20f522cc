"""Arrays and tensors are two forms of one thing."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from proto import tfserving_pb2 as pb
from serving.tensors import Array, to_array, to_tensor

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
NUMBERS = st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(np.dtype(dtype), SHAPES))


def tensor(dtype: pb.DataType, *sizes: int, **values: Any) -> pb.Tensor:  # noqa: ANN401 - whatever the field takes
    shape = pb.TensorShape(dim=[pb.TensorShape.Dim(size=size) for size in sizes])
    return pb.Tensor(dtype=dtype, tensor_shape=shape, **values)


@given(array=NUMBERS, as_content=st.booleans())
def test_numbers_come_back_as_they_were(array: Array, as_content: bool) -> None:  # noqa: FBT001 - drawn
    back = to_array(to_tensor(array, as_content=as_content))

    assert array.dtype == back.dtype
    np.testing.assert_array_equal(array, back)


@given(values=st.lists(st.binary(max_size=8), max_size=6), as_content=st.booleans())
def test_strings_come_back_as_they_were(values: list[bytes], as_content: bool) -> None:  # noqa: FBT001 - drawn
    array = np.empty(len(values), np.dtype("O"))
    array[:] = values

    assert values == to_array(to_tensor(array, as_content=as_content)).tolist()


def test_a_scalar_string_has_no_dimensions() -> None:
    back = to_array(tensor(pb.DT_STRING, string_val=[b"lung"]))

    assert back.shape == ()
    assert back.item() == b"lung"


def test_content_is_read_without_a_copy() -> None:
    assert not to_array(tensor(pb.DT_UINT8, 2, tensor_content=b"ab")).flags.owndata


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(tensor(pb.DT_FLOAT, 3, float_val=[1, 2]), [1, 2, 2], id="the last number repeats"),
        pytest.param(tensor(pb.DT_FLOAT, 2), [0, 0], id="without a number all are zero"),
        pytest.param(tensor(pb.DT_FLOAT, 1, float_val=[1, 2]), [1], id="numbers in excess are ignored"),
        pytest.param(
            tensor(pb.DT_STRING, 3, string_val=[b"a", b"b"]), [b"a", b"b", b"b"], id="the last string repeats"
        ),
        pytest.param(tensor(pb.DT_STRING, 2), [b"", b""], id="without a string all are empty"),
        pytest.param(tensor(pb.DT_HALF, 2, half_val=[0x3C00]), [1, 1], id="halves are given as their bits"),
        pytest.param(tensor(pb.DT_UINT8, 1, int_val=[257]), [1], id="an integer that does not fit loses its high bits"),
        pytest.param(tensor(pb.DT_FLOAT, 0, 3), [], id="a dimension may be zero"),
    ],
)
def test_typed_values_fill_the_shape(message: pb.Tensor, expected: list[Any]) -> None:
    assert expected == to_array(message).tolist()


@pytest.mark.parametrize(
    ("message", "text"),
    [
        pytest.param(tensor(pb.DT_UINT8, -1), "none below zero", id="a negative dimension"),
        pytest.param(tensor(pb.DT_UINT8, *[1] * 255), "at most 254 dimensions", id="too many dimensions"),
        pytest.param(
            pb.Tensor(dtype=pb.DT_UINT8, tensor_shape=pb.TensorShape(unknown_rank=True)), "unknown rank", id="no rank"
        ),
        pytest.param(tensor(pb.DT_UINT8, 2**62, 2**62), "the limit is 2147483648", id="more than memory holds"),
        pytest.param(tensor(pb.DT_FLOAT, 2, tensor_content=b"1234"), "has 4 bytes", id="content too short"),
        pytest.param(tensor(pb.DT_FLOAT, 2, tensor_content=b"1" * 9), "has 9 bytes", id="content too long"),
        pytest.param(tensor(pb.DT_STRING, 1, tensor_content=b"\1a"), "from string_val", id="strings as content"),
        pytest.param(tensor(pb.DT_INVALID, 1), "dtype 0 is not supported", id="no dtype"),
        pytest.param(pb.Tensor.FromString(b"\x08\x0e"), "dtype 14 is not supported", id="bfloat16"),
    ],
)
def test_an_impossible_tensor_is_refused_with_the_reason(message: pb.Tensor, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        to_array(message)


def test_a_dtype_outside_the_protocol_is_refused() -> None:
    with pytest.raises(ValueError, match="complex128 is not supported"):
        to_tensor(np.zeros(1, np.complex128))
