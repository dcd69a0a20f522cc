"""TensorFlow's C API, as far as a SavedModel is loaded and run by it: the C++ that TensorFlow Serving is made of.

The library comes with the package `tensorflow`, which is not imported: that would take seconds and twice the memory,
and its Python would stand in the way of every call. The calls below hold no lock of Python's while they run.
The functions, their arguments and who owns what: tensorflow/c/c_api.h, tf_tensor.h and tf_tstring.h, which are stable.
"""

import ctypes
from collections.abc import Mapping
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_uint8, c_void_p
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from serving.errors import ServingError, status_code

_NAME = "libtensorflow_cc.so.2"


class Output(ctypes.Structure):
    """`TF_Output`: one output of an operation of a graph."""

    _fields_ = (("operation", c_void_p), ("index", c_int))


class Buffer(ctypes.Structure):
    """`TF_Buffer`: bytes that the library owns."""

    _fields_ = (("data", c_void_p), ("length", c_size_t), ("deallocator", c_void_p))


_FUNCTIONS: Mapping[str, tuple[Any, tuple[Any, ...]]] = MappingProxyType(
    {
        "TF_NewStatus": (c_void_p, ()),
        "TF_DeleteStatus": (None, (c_void_p,)),
        "TF_GetCode": (c_int, (c_void_p,)),
        "TF_Message": (c_char_p, (c_void_p,)),
        "TF_NewBuffer": (c_void_p, ()),
        "TF_NewBufferFromString": (c_void_p, (c_char_p, c_size_t)),
        "TF_DeleteBuffer": (None, (c_void_p,)),
        "TF_NewGraph": (c_void_p, ()),
        "TF_DeleteGraph": (None, (c_void_p,)),
        "TF_GraphOperationByName": (c_void_p, (c_void_p, c_char_p)),
        "TF_NewSessionOptions": (c_void_p, ()),
        "TF_SetConfig": (None, (c_void_p, c_char_p, c_size_t, c_void_p)),
        "TF_DeleteSessionOptions": (None, (c_void_p,)),
        "TF_LoadSessionFromSavedModel": (
            c_void_p,
            (c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_int, c_void_p, c_void_p, c_void_p),
        ),
        "TF_SessionRun": (
            None,
            (
                *(c_void_p, c_void_p),  # session, run options
                *(POINTER(Output), POINTER(c_void_p), c_int),  # inputs
                *(POINTER(Output), POINTER(c_void_p), c_int),  # outputs
                *(c_void_p, c_int, c_void_p, c_void_p),  # targets, run metadata, status
            ),
        ),
        "TF_CloseSession": (None, (c_void_p, c_void_p)),
        "TF_DeleteSession": (None, (c_void_p, c_void_p)),
        "TF_AllocateTensor": (c_void_p, (c_int, POINTER(c_int64), c_int, c_size_t)),
        "TF_DeleteTensor": (None, (c_void_p,)),
        "TF_TensorType": (c_int, (c_void_p,)),
        "TF_NumDims": (c_int, (c_void_p,)),
        "TF_Dim": (c_int64, (c_void_p, c_int)),
        "TF_TensorByteSize": (c_size_t, (c_void_p,)),
        "TF_TensorData": (c_void_p, (c_void_p,)),
        "TF_StringInit": (None, (c_void_p,)),
        "TF_StringCopy": (None, (c_void_p, c_char_p, c_size_t)),
        "TF_StringGetDataPointer": (POINTER(c_uint8), (c_void_p,)),
        "TF_StringGetSize": (c_size_t, (c_void_p,)),
        "TF_StringDealloc": (None, (c_void_p,)),
        "TF_Version": (c_char_p, ()),
    }
)


class LibTensorFlow:
    """The library, loaded: its functions are attributes, under their own names.

    Its symbols stay its own (RTLD_LOCAL): it brings a TLS library with the names of Python's.

    Raises:
        OSError: the package `tensorflow` is not installed, or its library cannot be loaded.
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(str(_path()))
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a C function; set above, so asked for unknown names only
        raise AttributeError(f"{name} is not among the functions of the C API that are used")

    @property
    def version(self) -> str:
        """TensorFlow's version, for instance 2.21.0."""
        return str(self.TF_Version().decode())


class Status:
    """A `TF_Status` for one call, freed at the end of the block, which raises what the call said."""

    def __init__(self, library: LibTensorFlow) -> None:
        self._library = library

    def __enter__(self) -> c_void_p:
        self._status = c_void_p(self._library.TF_NewStatus())
        return self._status

    def __exit__(self, error: object, *_: object) -> None:
        """Raise ServingError with TensorFlow's code and text, unless it is OK or the block itself has failed."""
        code = self._library.TF_GetCode(self._status)
        message = self._library.TF_Message(self._status).decode(errors="replace")
        self._library.TF_DeleteStatus(self._status)
        if code and error is None:
            raise ServingError(status_code(code), message)


def _path() -> Path:
    package = find_spec("tensorflow")
    if package is None or package.origin is None:
        raise OSError("the package tensorflow is not installed; install the extra: pip install pulmo[serving]")
    return Path(package.origin).with_name(_NAME)
