"""The doctor: each pitfall that is planted is named, and what is healthy is left in peace."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from proto import tfserving_pb2 as pb
from serving.doctor.command import examine
from serving.doctor.facts import Server, Status, Store, Use
from serving.doctor.findings import Finding
from serving.doctor.reading import read_version
from serving.doctor.server_checks import check_server
from serving.doctor.store_checks import check_store
from serving.tests.records import write_records
from tests import toymodel
from tests.modelserver import MODEL, ModelServer, serving
from tests.processes import PYTHON, ROOT, eventually, free_port

USE = Use(model=MODEL, max_batch=8, in_flight=2, threads=8)
WARMUP = "assets.extra/tf_serving_warmup_requests"
MONITORING = ROOT / "serving" / "config" / "monitoring.config"
UID = os.geteuid()


@pytest.fixture
def store(toy_versions: Path, tmp_path: Path) -> Path:
    """Return a store with the versions 1 and 2, whole in every respect."""
    folder = tmp_path / MODEL
    folder.mkdir()
    for number in (1, 2):
        seal(toymodel.copy(toy_versions / str(number), folder, number))
    return folder


def seal(version: Path) -> None:
    """Write the checksums of a version, as the trainer does."""
    sums = version / "assets.extra/SHA256SUMS"
    sums.unlink(missing_ok=True)
    files = sorted(file for file in version.rglob("*") if file.is_file())
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(version)}\n" for file in files]
    sums.write_text("".join(lines))


def doctor(store: Path, target: str = "", rest: str = "", use: Use = USE, uid: int = UID) -> dict[str, str]:
    """Return what is above ok: what was found, by severity and check."""
    return told(examine(store, target, rest, use, uid=uid))


def told(findings: list[Finding]) -> dict[str, str]:
    assert all(bool(finding.why and finding.remedy) == (finding.severity != "ok") for finding in findings)
    return {f"{finding.severity} {finding.check}": finding.what for finding in findings if finding.severity != "ok"}


def records(*sizes: int, dtype: pb.DataType = pb.DT_UINT8) -> list[bytes]:
    written = []
    for size in sizes:
        log = pb.PredictionLog()
        tensor = log.predict_log.request.inputs["images"]
        tensor.dtype = dtype
        tensor.tensor_shape.dim.extend(pb.TensorShape.Dim(size=length) for length in (size, 32, 32, 1))
        written.append(log.SerializeToString())
    return written


def test_a_healthy_store_and_server_are_left_in_peace(store: Path) -> None:
    port = free_port()
    with serving(store, f"--rest_api_port={port}", f"--monitoring_config_file={MONITORING}") as server:
        findings = examine(store, server.target, f"http://127.0.0.1:{port}", USE, uid=UID)

    assert told(findings) == {}
    assert {"server", "polling", "describe", "batch", "threads", "metrics"} <= {finding.check for finding in findings}
    assert any("the base path was read" in finding.what for finding in findings)


def leave_partial(store: Path) -> None:
    (store / ".3.partial").mkdir()


def number_a_file(store: Path) -> None:
    (store / "4").write_text("not a folder")


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


def cut_variables(store: Path) -> None:
    os.truncate(store / "2/variables/variables.data-00000-of-00001", 3)


def lose_checksums(store: Path) -> None:
    (store / "2/assets.extra/SHA256SUMS").unlink()


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


def test_a_server_that_does_not_answer_is_named(store: Path, tmp_path: Path) -> None:
    found = doctor(store, f"unix:{tmp_path}/none")

    assert "does not answer for the model lung: UNAVAILABLE" in found["error server"]


def test_a_model_that_the_server_does_not_have_is_named(store: Path, model_server: ModelServer) -> None:
    found = doctor(store, model_server.target, use=USE._replace(model="lungs"))

    assert "does not answer for the model lungs: NOT_FOUND" in found["error server"]


def test_a_server_that_looks_elsewhere_is_named(store: Path, model_server: ModelServer) -> None:
    shutil.rmtree(store / "1")
    os.utime(store / "2", (0, 0))
    found = doctor(store, model_server.target)

    assert "the server serves 1, which" in found["error states"]
    assert "the server does not know version 2" in found["error polling"]


def test_a_version_that_failed_to_load_is_named_with_its_error(store: Path) -> None:
    cut_variables(store)
    lose_checksums(store)
    with serving(store, "--max_num_load_retries=0") as server:
        found = doctor(store, server.target)

    assert found["error states"].startswith("version 2 is ")


def test_a_batch_that_the_server_refuses_and_a_quota_that_is_used_up_are_named(store: Path) -> None:
    with serving(store) as server:
        found = doctor(store, server.target, use=USE._replace(in_flight=8))

    assert found == {"error threads": "8 calls in flight, and the server has threads for 8"}
    refused = Server("t", "", [Status(2, "AVAILABLE", "")], {}, "RESOURCE_EXHAUSTED: message larger than max", 5 << 20)
    assert (
        "5.0 MiB, is refused: RESOURCE_EXHAUSTED"
        in told(list(check_server(refused, Store("/m", "none"), USE)))["error batch"]
    )


def test_metrics_that_are_missing_and_a_rest_port_that_is_closed_are_named(store: Path) -> None:
    port = free_port()
    with serving(store, f"--rest_api_port={port}") as server:
        assert (
            "/monitoring/prometheus/metrics"
            in doctor(store, server.target, f"http://127.0.0.1:{port}")["warning metrics"]
        )
        assert (
            "it does not answer for lung"
            in doctor(store, server.target, f"http://127.0.0.1:{free_port()}")["error REST"]
        )


def test_a_poll_that_does_not_come_is_named(store: Path) -> None:
    port = free_port()
    with serving(store, f"--rest_api_port={port}", f"--monitoring_config_file={MONITORING}") as server:
        store.rename(store.with_name("away"))
        findings: dict[str, str] = {}

        def is_named() -> bool:
            findings.update(doctor(store, server.target, f"http://127.0.0.1:{port}"))
            return "error polling" in findings

        eventually(is_named, within=30, what="the doctor names the poll")
    assert "the base path could last be read" in findings["error polling"]


def run(*argv: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [PYTHON, "-m", "serving", "doctor", *argv], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )


def test_the_exit_status_tells_whether_there_are_errors(store: Path) -> None:
    healthy = run(f"--store={store}", "--max-batch=8")
    number_a_file(store)
    ill = run(f"--store={store}", "--max-batch=8", "--json")

    assert (healthy.returncode, healthy.stdout.splitlines()[-1].partition(",")[0]) == (0, "0 error")
    assert (ill.returncode, json.loads(ill.stdout)["errors"]) == (1, 1)


@pytest.mark.parametrize(
    "argv", [["--target=x"], ["--store=/m", "--max-batch=0"], ["--store=/m", "--rest=127.0.0.1"], ["--store=/m", "--x"]]
)
def test_arguments_that_cannot_be_used_end_with_status_2(argv: list[str]) -> None:
    assert run(*argv).returncode == 2


def test_the_doctor_needs_no_tensorflow() -> None:
    code = "import sys, serving.doctor.command; sys.exit('tensorflow' in sys.modules)"

    assert subprocess.run([PYTHON, "-c", code], cwd=ROOT, check=False).returncode == 0
