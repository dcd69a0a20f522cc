"""Versions of the toy model that must not be served, each spoiled in its own way. TensorFlow is not needed for it."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from proto import tensorflow_pb2 as tf
from proto import tfserving_pb2 as pb

Spoil = Callable[[Path], None]

_GRAPH = "saved_model.pb"
_DATA = "variables/variables.data-00000-of-00001"
_EXTRA = "assets.extra"
_WARMUP = f"{_EXTRA}/tf_serving_warmup_requests"


def publish_broken(whole: Path, store: Path, version: int, spoil: Spoil) -> Path:
    """Publish a spoiled copy of the folder `whole` as `store/<version>`, atomically, and return that path."""
    partial = store / f".{version}.partial"
    shutil.copytree(whole, partial)
    spoil(partial)
    return partial.rename(store / str(version))


def _empty(version: Path) -> None:
    shutil.rmtree(version)
    version.mkdir()


def _a_file(version: Path) -> None:
    shutil.rmtree(version)
    version.write_text("no folder")


def _a_dangling_link(version: Path) -> None:
    shutil.rmtree(version)
    version.symlink_to(version.parent / "nowhere")


def _remove(name: str) -> Spoil:
    return lambda version: (version / name).unlink()


def _garble(name: str) -> Spoil:
    return lambda version: _write(version / name, b"garbage" * 10)


def _cut(name: str) -> Spoil:
    return lambda version: _write(version / name, (version / name).read_bytes()[:-20])


def _write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def _another_than_published(version: Path) -> None:
    digest = hashlib.sha256(b"another graph").hexdigest()
    (version / _EXTRA / "SHA256SUMS").write_text(f"{digest}  {_GRAPH}\n")


def _without_signature(name: str) -> Spoil:
    def spoil(version: Path) -> None:
        saved = tf.SavedModel.FromString((version / _GRAPH).read_bytes())  # what we do not know of it is kept
        del saved.meta_graphs[0].signature_def[name]
        (version / _GRAPH).write_bytes(saved.SerializeToString())
        (version / _WARMUP).unlink()  # else the server would refuse it already

    return spoil


def _with_another_default(version: Path) -> None:
    """Let `serving_default` name its output otherwise than the contract does."""
    saved = tf.SavedModel.FromString((version / _GRAPH).read_bytes())
    outputs = saved.meta_graphs[0].signature_def["serving_default"].outputs
    outputs["scores"].CopyFrom(pb.TensorInfo.FromString(outputs["probabilities"].SerializeToString()))
    del outputs["probabilities"]
    (version / _GRAPH).write_bytes(saved.SerializeToString())


def _replacing(old: bytes, new: bytes) -> Spoil:
    """Change the manifest within the graph; the length stays, so the graph can be read."""

    def spoil(version: Path) -> None:
        assert len(old) == len(new)
        graph = (version / _GRAPH).read_bytes()
        assert old in graph
        (version / _GRAPH).write_bytes(graph.replace(old, new))

    return spoil


REFUSED_BY_SERVER: dict[str, Spoil] = {
    "an empty folder": _empty,
    "a file": _a_file,
    "a dangling link": _a_dangling_link,
    "no graph": _remove(_GRAPH),
    "a graph that is garbage": _garble(_GRAPH),
    "a graph that is cut off": _cut(_GRAPH),
    "no variables": _remove(_DATA),
    "variables that are cut off": _cut(_DATA),
    "warm-up records that are garbage": _garble(_WARMUP),
    "a warm-up record that is cut off": _cut(_WARMUP),
    "a graph that is not what was published": _another_than_published,
}
"""What the model server finds while it loads."""

REFUSED_BY_GATEWAY: dict[str, Spoil] = {
    "no describe": _without_signature("describe"),
    "no serving_default": _without_signature("serving_default"),
    "an output of another name": _with_another_default,
    "a manifest without labels": _replacing(b'"labels"', b'"lebals"'),
    "a manifest that is no JSON": _replacing(b'{"labels"', b'["labels"'),
    "fewer labels than outputs": _replacing(b'carcinoma", "large', b"carcinoma____large"),
}
"""What breaks the contract between trainer and gateway; the model server has nothing against it."""
