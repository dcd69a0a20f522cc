"""The OpenAPI document: complete, valid, and what the gateway does."""

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema_rs import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from gateway.access.keys import new_key
from gateway.errors import documented
from gateway.problems import MEDIA_TYPE
from tests.gateways import Gateway, serving_gateway
from tests.modelserver import ModelServer
from tests.processes import PYTHON

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document(gateway: Gateway) -> Document:
    """Return the document that a client gets."""
    found: Document = httpx.get(f"{gateway.url}/openapi.json").json()
    return found


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def problem_examples(operation: Document) -> Iterator[tuple[str, str, Document]]:
    """Yield status, name and document of each problem that an operation says it answers."""
    for status, response in operation["responses"].items():
        for name, example in response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}).items():
            yield status, name, example["value"]


def test_every_error_is_named_by_an_operation(document: Document) -> None:
    """A client's author finds all problems without the source, under their own status."""
    named = {(name, status) for _, operation in operations(document) for status, name, _ in problem_examples(operation)}

    assert {(name, str(kind.status)) for name, kind in documented().items()} <= named


def test_every_operation_says_what_it_is_for_and_what_may_go_wrong(document: Document) -> None:
    """Nobody forgets a new one."""
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        for status, response in operation["responses"].items():
            assert status.startswith("2") or set(response["content"]) == {MEDIA_TYPE}, (name, status)
        assert "500" in operation["responses"], f"{name} has no responses=problems(...)"


def test_every_answer_has_an_example_that_fits_its_schema(document: Document) -> None:
    """What a reader copies is right."""
    checked = 0
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            for kind, media in response.get("content", {}).items():
                if kind in {"image/png", "application/octet-stream"}:
                    continue
                examples = [example["value"] for example in media.get("examples", {}).values()]
                examples += [media["example"]] if "example" in media else []
                assert examples, f"{name} has no example of its {status} as {kind}"
                validator = Draft202012Validator({**media["schema"], "components": document["components"]})
                for example in examples:
                    validator.validate(example)
                    checked += 1

    assert checked > 50


def test_every_example_of_a_body_fits_its_schema(document: Document) -> None:
    """What a reader sends is taken."""
    bodies = [
        (name, media)
        for name, operation in operations(document)
        for kind, media in operation.get("requestBody", {}).get("content", {}).items()
        if kind == "application/json"
    ]

    assert bodies
    for name, media in bodies:
        assert media["examples"], name
        for example in media["examples"].values():
            Draft202012Validator({**media["schema"], "components": document["components"]}).validate(example["value"])


def test_what_passes_by_itself_says_when(document: Document) -> None:
    """429 and 503 are documented with the header that they come with."""
    for name, operation in operations(document):
        for status in {"429", "503"} & operation["responses"].keys():
            assert "Retry-After" in operation["responses"][status]["headers"], (name, status)


def test_a_guarded_operation_says_which_key_it_needs_and_an_open_one_needs_none(document: Document) -> None:
    """A client's author knows what to ask the operator for."""
    guarded = {name: operation for name, operation in operations(document) if operation.get("security") != []}
    open_ones = {name for name, _ in operations(document)} - guarded.keys()

    assert {"GET /health", "GET /health/live", "GET /health/ready", "GET /problems/{name}"} <= open_ones
    assert "scope `predict`" in guarded["POST /predict"]["description"]
    assert "scope `operate`" in guarded["PUT /models/route"]["description"]
    for name, operation in guarded.items():
        assert {"401", "403", "429"} <= operation["responses"].keys(), name
        assert "WWW-Authenticate" in operation["responses"]["401"]["headers"], name


def test_the_document_is_valid(document: Document) -> None:
    """It is OpenAPI 3.1, by the schema of that."""
    OPENAPI_31_VALIDATOR.validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"].keys() == {"bearer", "key"}


@pytest.mark.parametrize("path", ["/history", "/models/route/history"])
def test_a_page_that_no_column_could_name_is_refused(gateway: Gateway, path: str) -> None:
    """A number that the database cannot hold is the client's mistake, and not an error of the gateway."""
    reply = httpx.get(gateway.url + path, params={"after": 2**63})

    assert (reply.status_code, reply.headers["content-type"]) == (400, MEDIA_TYPE)


ANY_BYTES = ("/predict-batch", "/upload-data")
"""What takes several files answers whatever bytes they hold with an error in their place, and refuses none of them."""


def schemathesis(url: str, folder: Path, checks: Iterable[str], *options: str) -> subprocess.CompletedProcess[str]:
    """Let schemathesis loose on a gateway; its report is the output."""
    how = ("--phases=examples,coverage,fuzzing", "--seed=1", "--continue-on-failure", "--request-timeout=30")
    command = [PYTHON, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", f"--checks={','.join(checks)}", *how]
    plain = ("--no-color", "--warnings=off", *options)
    return subprocess.run([*command, *plain], capture_output=True, text=True, cwd=folder, timeout=240, check=False)


def test_the_gateway_does_as_the_document_says(model_server: ModelServer, tmp_path: Path) -> None:
    """schemathesis posts what the document allows and what it forbids, and finds no violation.

    Left out are the checks that what fits the schema is accepted (random bytes are no image), that what was deleted is
    gone (nothing is), and that `Allow` is complete: Litestar's answer to OPTIONS forgets methods that have a handler of
    their own.
    """
    checks = [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "missing_required_header",
        "unsupported_method",
    ]
    with serving_gateway(model_server.target, tmp_path) as gateway:  # of its own: routes are set, too
        excluded = [f"--exclude-path={path}" for path in ANY_BYTES]
        included = [f"--include-path={path}" for path in ANY_BYTES]
        runs = [
            schemathesis(gateway.url, tmp_path, [*checks, "negative_data_rejection"], "--max-examples=10", *excluded),
            schemathesis(gateway.url, tmp_path, checks, "--max-examples=10", *included),
        ]
        answered = gateway.total("gateway_requests_total")

    for run in runs:
        assert run.returncode == 0, run.stdout + run.stderr
    assert answered > 200


def test_a_gateway_with_keys_asks_for_one_wherever_the_document_says_so(
    model_server: ModelServer, tmp_path: Path
) -> None:
    """schemathesis leaves the key out, and sends wrong ones, to every operation."""
    secret, key = new_key("tester", ["operate"])
    checks = ("ignored_auth", "not_a_server_error", "status_code_conformance")
    with serving_gateway(model_server.target, tmp_path, api_keys=key.line()) as gateway:
        header = f"--header=Authorization: Bearer {secret}"
        run = schemathesis(gateway.url, tmp_path, checks, "--max-examples=2", header)
        counted = replace(gateway, headers={"Authorization": f"Bearer {secret}"})
        granted = counted.total("gateway_requests_total", code="200")
        refused = counted.total("gateway_requests_total", code="401")

    assert run.returncode == 0, run.stdout + run.stderr
    assert granted > 10
    assert refused > 10
