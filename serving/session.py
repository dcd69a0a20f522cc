"""A SavedModel in memory as TensorFlow Serving holds one: a C++ session, through TensorFlow's C API."""

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, c_char_p, c_void_p
from pathlib import Path

import grpc

from proto import tensorflow_pb2 as tf
from serving.errors import ServingError
from serving.libtensorflow import Buffer, LibTensorFlow, Output, Status
from serving.native import borrowed, taken
from serving.tensors import Array

_TAG = b"serve"
_LONGEST_S = 86_400.0


class Session:
    """A graph and what it computes with. `run` is for any thread; `close` only for when no run is under way."""

    def __init__(self, library: LibTensorFlow, path: Path, config: tf.ConfigProto) -> None:
        """Load the SavedModel in the folder `path`, tagged `serve`; variables are restored, its main operation is run.

        Raises:
            ServingError: TensorFlow's code and text.
        """
        self._library = library
        self._graph = c_void_p(library.TF_NewGraph())
        self._session = c_void_p()
        try:
            self.meta_graph = self._load(path, config)
        except ServingError:
            self.close()
            raise

    def output(self, name: str) -> Output | None:
        """Return where a tensor comes from, by its name `operation:index`; None if the graph has no such operation."""
        operation, _, index = name.rpartition(":")
        found = self._library.TF_GraphOperationByName(self._graph, operation.encode())
        return Output(found, int(index)) if found else None

    def run(
        self, feeds: Sequence[Output], values: Sequence[Array], fetches: Sequence[Output], timeout_s: float | None
    ) -> list[Array]:
        """Compute `fetches`, with `values` in the place of `feeds`, in the order given.

        Raises:
            ServingError: TensorFlow's code and text; DEADLINE_EXCEEDED after `timeout_s` seconds.
        """
        library, results = self._library, (c_void_p * len(fetches))()
        options = None if timeout_s is None else self._buffer(_run_options(timeout_s))
        try:
            with borrowed(library, values) as tensors:
                with Status(library) as status:
                    library.TF_SessionRun(
                        *(self._session, options),
                        *((Output * len(feeds))(*feeds), tensors, len(feeds)),
                        *((Output * len(fetches))(*fetches), results, len(fetches)),
                        *(None, 0, None, status),
                    )
                return [taken(library, c_void_p(tensor)) for tensor in results]  # some may share memory with a feed
        finally:
            if options is not None:
                library.TF_DeleteBuffer(options)

    def close(self) -> None:
        """Free the session and its graph, and give the memory back to the system."""
        if self._session.value is not None:
            with Status(self._library) as status:
                self._library.TF_CloseSession(self._session, status)
            with Status(self._library) as status:
                self._library.TF_DeleteSession(self._session, status)
            self._session = c_void_p()
        if self._graph.value is not None:
            self._library.TF_DeleteGraph(self._graph)
            self._graph = c_void_p()
        _trim()

    def _load(self, path: Path, config: tf.ConfigProto) -> tf.MetaGraphDef:
        library, text = self._library, config.SerializeToString()
        options = c_void_p(library.TF_NewSessionOptions())
        meta_graph = c_void_p(library.TF_NewBuffer())
        try:
            with Status(library) as status:
                library.TF_SetConfig(options, text, len(text), status)
            with Status(library) as status:
                tags = (c_char_p * 1)(_TAG)
                self._session = c_void_p(
                    library.TF_LoadSessionFromSavedModel(
                        *(options, None, str(path).encode(), tags, 1, self._graph, meta_graph, status)
                    )
                )
            return _without_graph(meta_graph)
        finally:
            library.TF_DeleteBuffer(meta_graph)
            library.TF_DeleteSessionOptions(options)

    def _buffer(self, content: bytes) -> c_void_p:
        return c_void_p(self._library.TF_NewBufferFromString(content, len(content)))


def _run_options(timeout_s: float) -> bytes:
    """Return RunOptions; gRPC tells calls without a deadline that they have ages."""
    return tf.RunOptions(timeout_in_ms=max(1, int(min(timeout_s, _LONGEST_S) * 1000))).SerializeToString()


def _without_graph(buffer: c_void_p) -> tf.MetaGraphDef:
    """Read a MetaGraphDef, and copy what we know of it, so that its graph is not kept a second time."""
    content = ctypes.cast(buffer, POINTER(Buffer)).contents
    whole = tf.MetaGraphDef.FromString(ctypes.string_at(content.data, content.length))
    if _TAG.decode() not in whole.meta_info_def.tags:
        raise ServingError(grpc.StatusCode.NOT_FOUND, f"the graph is not tagged {_TAG.decode()}")
    known = tf.MetaGraphDef(meta_info_def=whole.meta_info_def, signature_def=whole.signature_def)
    known.DiscardUnknownFields()
    return known


def _trim() -> None:
    """Give freed memory back: glibc keeps it, and a server that swaps versions would seem to grow (serving#1215)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # another C library than glibc has none
        trim(0)
