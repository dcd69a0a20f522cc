"""Reads the facts about a store."""

import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from google.protobuf.message import DecodeError

from proto import tensorflow_pb2 as tf
from proto import tfserving_pb2 as pb
from serving.doctor.facts import Entry, Input, Store, Version, Warmup
from serving.errors import ServingError
from serving.integrity import CHECKSUMS, ensure_whole
from serving.parity import PARITY
from serving.policy import scan
from serving.warmup import read_records

_MANIFEST = Path("assets.extra/manifest.json")
_WARMUP = Path("assets.extra/tf_serving_warmup_requests")
_SHARD = re.compile(r"variables\.data-\d{5}-of-(\d{5})")
_DEFAULT = "serving_default"


class _Manifest(msgspec.Struct, frozen=True):
    labels: tuple[str, ...]


def read_store(path: Path, *, uid: int) -> Store:
    """Read what is in a base path; `uid` is the user that the server runs as."""
    try:
        children = sorted(path.iterdir())
        free = shutil.disk_usage(path).free
    except OSError as error:
        return Store(str(path), problem=error.strerror or str(error))
    entries = [Entry(child.name, child.is_dir(), _is_held(child)) for child in children]
    folders = scan(entry.name for entry in entries if entry.is_folder)
    versions = [_read_or_tell(path / name, number, uid=uid) for number, name in sorted(folders.items())]
    return Store(str(path), "", entries, [version for version in versions if version is not None], free)


def read_version(folder: Path, number: int, *, uid: int) -> Version:
    """Read what is in the folder of a version."""
    definitions, graph_problem = _signatures(folder)
    labels, manifest_problem = _labels(folder / _MANIFEST)
    return Version(
        number=number,
        name=folder.name,
        age=max(0.0, time.time() - folder.stat().st_mtime),
        size=sum(file.lstat().st_size for file in _inside(folder)),
        graph_problem=graph_problem,
        signatures=tuple(sorted(definitions)),
        input=_input(definitions.get(_DEFAULT)),
        damage=_damage(folder),
        has_checksums=(folder / CHECKSUMS).exists(),
        missing_shards=_missing_shards(folder / "variables"),
        unreadable=tuple(
            str(file.relative_to(folder.parent)) for file in (folder, *_inside(folder)) if not _may_read(file, uid)
        ),
        labels=labels,
        manifest_problem=manifest_problem,
        warmup=_warmup(folder / _WARMUP),
        parity=_content(folder / PARITY),
    )


def _read_or_tell(folder: Path, number: int, *, uid: int) -> Version | None:
    """Read a version; None if it was retired meanwhile, and one without content if this process may not read it."""
    try:
        return read_version(folder, number, uid=uid)
    except FileNotFoundError:
        return None
    except OSError as error:
        problem = f"{folder.name} cannot be read by this command: {error.strerror}"
        return Version(
            number=number,
            name=folder.name,
            age=0,
            size=0,
            graph_problem=problem,
            signatures=(),
            input=None,
            damage="",
            has_checksums=True,
            missing_shards=(),
            unreadable=(),
            labels=None,
            manifest_problem="",
            warmup=None,
            parity=None,
        )


def _is_held(folder: Path) -> bool:
    """Say whether another process has locked the folder, as a publisher does (`trainer/store/publish.py`)."""
    if not folder.name.endswith(".partial"):
        return False
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _inside(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if not path.is_symlink() or path.exists())


def _signatures(folder: Path) -> tuple[dict[str, pb.SignatureDef], str]:
    file = folder / "saved_model.pb"
    try:
        model = tf.SavedModel.FromString(file.read_bytes())
    except OSError as error:
        return {}, f"{file.name} cannot be read: {error.strerror}"
    except DecodeError:
        return {}, f"{file.name} is cut off, or no SavedModel"
    for graph in model.meta_graphs:
        if "serve" in graph.meta_info_def.tags:
            return dict(graph.signature_def), ""
    return {}, f"{file.name} holds no graph with the tag serve"


def _input(signature: pb.SignatureDef | None) -> Input | None:
    if signature is None or len(signature.inputs) != 1:
        return None
    [(alias, info)] = signature.inputs.items()
    return Input(alias, info.dtype, tuple(dim.size for dim in info.tensor_shape.dim))


def _damage(folder: Path) -> str:
    try:
        ensure_whole(folder)
    except ServingError as error:
        return str(error)
    return ""


def _missing_shards(folder: Path) -> tuple[str, ...]:
    """Return the variables' files that are not there: their names say how many there are."""
    names = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    counts = {int(match[1]) for name in names if (match := _SHARD.fullmatch(name))}
    if "variables.index" in names and not counts:
        counts = {1}
    wanted = {f"variables.data-{part:05}-of-{count:05}" for count in counts for part in range(count)}
    wanted |= {"variables.index"} if counts else set()
    return tuple(sorted(wanted - names))


def _may_read(path: Path, uid: int) -> bool:
    """Say whether the mode lets a user read; its group is taken to have the user's number, as in our images."""
    status = path.stat()
    bits = (stat.S_IROTH, stat.S_IXOTH)
    if status.st_uid == uid:
        bits = (stat.S_IRUSR, stat.S_IXUSR)
    elif status.st_gid == uid:
        bits = (stat.S_IRGRP, stat.S_IXGRP)
    needed = bits[0] | (bits[1] if path.is_dir() else 0)
    return uid == 0 or status.st_mode & needed == needed


def _labels(file: Path) -> tuple[tuple[str, ...] | None, str]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Manifest).labels, ""
    except OSError as error:
        return None, f"{_MANIFEST} cannot be read: {error.strerror}"
    except (msgspec.MsgspecError, UnicodeError) as error:
        return None, f"{_MANIFEST} is broken: {error}"


def _warmup(file: Path) -> Warmup | None:
    if not file.exists():
        return None
    inputs = []
    try:
        for record in read_records(file):
            request = pb.PredictionLog.FromString(record).predict_log.request
            if request.model_spec.signature_name in ("", _DEFAULT):
                inputs.append(dict(request.inputs))
    except ServingError as error:
        return Warmup(str(error), ())
    except DecodeError as error:
        return Warmup(f"a record is no PredictionLog: {error}", ())
    return Warmup("", tuple(inputs))


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
