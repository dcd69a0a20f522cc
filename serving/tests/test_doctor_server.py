"""The doctor at a server: what is healthy is left in peace, what ails is named, and the command tells it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from serving.doctor.command import examine
from serving.doctor.facts import Server, Status, Store
from serving.doctor.server_checks import check_server
from serving.tests.patient import (
    MONITORING,
    UID,
    USE,
    cut_variables,
    doctor,
    lose_checksums,
    make_store,
    number_a_file,
    told,
)
from tests.modelserver import ModelServer, serving
from tests.processes import PYTHON, ROOT, eventually, free_port


@pytest.fixture
def store(toy_versions: Path, tmp_path: Path) -> Path:
    return make_store(toy_versions, tmp_path)


def test_a_healthy_store_and_server_are_left_in_peace(store: Path) -> None:
    port = free_port()
    with serving(store, f"--rest_api_port={port}", f"--monitoring_config_file={MONITORING}") as server:
        findings = examine(store, server.target, f"http://127.0.0.1:{port}", USE, uid=UID)

    assert told(findings) == {}
    assert {"server", "polling", "describe", "batch", "threads", "metrics"} <= {finding.check for finding in findings}
    assert any("the base path was read" in finding.what for finding in findings)


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
