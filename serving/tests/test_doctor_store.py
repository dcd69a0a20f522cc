"""Each pitfall that is planted in a store is named."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from proto import tfserving_pb2 as pb
from serving.doctor.command import examine
from serving.doctor.facts import Store
from serving.doctor.reading import read_version
from serving.doctor.store_checks import check_store
from serving.tests.patient import (
    UID,
    USE,
    WARMUP,
    cut_variables,
    doctor,
    lose_checksums,
    make_store,
    number_a_file,
    seal,
    told,
)
from serving.tests.records import write_records


@pytest.fixture
def store(toy_versions: Path, tmp_path: Path) -> Path:
    return make_store(toy_versions, tmp_path)


def records(*sizes: int, dtype: pb.DataType = pb.DT_UINT8) -> list[bytes]:
    written = []
    for size in sizes:
        log = pb.PredictionLog()
        tensor = log.predict_log.request.inputs["images"]
        tensor.dtype = dtype
        tensor.tensor_shape.dim.extend(pb.TensorShape.Dim(size=length) for length in (size, 32, 32, 1))
        written.append(log.SerializeToString())
    return written


def leave_partial(store: Path) -> None:
    (store / ".3.partial").mkdir()


def name_twice(store: Path) -> None:
    shutil.copytree(store / "2", store / "02")


def lose_the_graph(store: Path) -> None:
    (store / "2/saved_model.pb").unlink()


def cut_the_graph(store: Path) -> None:
    graph = store / "2/saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:-100])


def lose_variables(store: Path) -> None:
    (store / "2/variables/variables.data-00000-of-00001").unlink()
    seal(store / "2")


def lose_warmup(store: Path) -> None:
    (store / "2" / WARMUP).unlink()
    seal(store / "2")


def cut_warmup(store: Path) -> None:
    os.truncate(store / "2" / WARMUP, 100)
    seal(store / "2")


def warm_floats(store: Path) -> None:
    write_records(store / "2" / WARMUP, records(1, 2, 4, 8, dtype=pb.DT_FLOAT))
    seal(store / "2")


def warm_few(store: Path) -> None:
    write_records(store / "2" / WARMUP, records(1, 4))
    seal(store / "2")


def lose_the_manifest(store: Path) -> None:
    (store / "2/assets.extra/manifest.json").unlink()
    seal(store / "2")


def rename_classes(store: Path) -> None:
    manifest = store / "2/assets.extra/manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "labels": ["sick", "well"]}))
    seal(store / "2")


def empty(store: Path) -> None:
    shutil.rmtree(store / "1")
    shutil.rmtree(store / "2")


@pytest.mark.parametrize(
    ("plant", "check", "what"),
    [
        (leave_partial, "warning partial copies", ".3.partial was left behind by a publisher that did not finish"),
        (number_a_file, "error names", "4 is a file whose name is a number"),
        (name_twice, "error names", "'02' and '2' both name version 2"),
        (empty, "error store", "holds no version"),
        (lose_the_graph, "error version 2", "saved_model.pb cannot be read: No such file or directory"),
        (cut_the_graph, "error version 2", "saved_model.pb is cut off, or no SavedModel"),
        (lose_variables, "error version 2", "variables/ lacks variables.data-00000-of-00001"),
        (cut_variables, "error version 2", "variables/variables.data-00000-of-00001 is not what was published"),
        (lose_checksums, "warning version 2", "has no assets.extra/SHA256SUMS"),
        (lose_warmup, "warning version 2", "has no warm-up records"),
        (cut_warmup, "error version 2", "its warm-up records are corrupt: truncated record at 0"),
        (warm_floats, "error version 2", "images is DT_FLOAT, and DT_UINT8 is expected"),
        (warm_few, "warning version 2", "has no warm-up record for the batch sizes 2, 8"),
        (lose_the_manifest, "warning version 2", "assets.extra/manifest.json cannot be read"),
        (rename_classes, "warning labels", "the class names of version 2 are not those of version 1"),
    ],
)
def test_a_pitfall_in_a_store_is_named(plant: Callable[[Path], None], check: str, what: str, store: Path) -> None:
    plant(store)

    examined = examine(store, "", "", USE, uid=UID)
    named = [finding.what for finding in examined if f"{finding.severity} {finding.check}" == check]
    told(examined)
    assert any(what in text for text in named), examined


def test_a_publisher_at_work_is_left_in_peace(store: Path) -> None:
    leave_partial(store)
    descriptor = os.open(store / ".3.partial", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    assert doctor(store) == {}
    os.close(descriptor)


def test_files_that_the_server_may_not_read_are_named(store: Path) -> None:
    (store / "2/saved_model.pb").chmod(0o600)

    assert doctor(store, uid=UID) == {}
    assert doctor(store, uid=UID + 10001)["error version 2"] == "the server's user may not read 2/saved_model.pb"


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "cannot be listed: No such file or directory" in doctor(tmp_path / "none")["error store"]


@pytest.mark.parametrize(("free", "check"), [(10, "error disk"), (250, "warning disk"), (10_000, "")])
def test_a_disk_without_room_for_the_next_version_is_named(free: int, check: str, store: Path) -> None:
    version = read_version(store / "1", 1, uid=UID)._replace(size=100)

    assert set(told(list(check_store(Store("/m", "", (), (version,), free))))) == ({check} if check else set())


@pytest.mark.parametrize(
    ("parity", "reason"),
    [
        (None, "it has no assets.extra/parity.json"),
        ({"passed": False, "reason": "probabilities differ by up to 0.2"}, "probabilities differ by up to 0.2"),
        ({"passed": True, "reason": None}, ""),
    ],
)
def test_a_version_that_must_not_be_computed_in_bfloat16_is_named(
    parity: dict[str, object] | None, reason: str, store: Path
) -> None:
    if parity is not None:
        (store / "2/assets.extra/parity.json").write_text(json.dumps({"bfloat16": parity}))
        seal(store / "2")

    assert reason in doctor(store, use=USE._replace(bfloat16=True)).get("warning bfloat16", "")
    assert ("warning bfloat16" in doctor(store, use=USE._replace(bfloat16=True))) == bool(reason)
    assert doctor(store) == {}
