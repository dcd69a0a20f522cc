"""The OpenAPI document: complete, valid, and what the gateway does."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema_rs import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from gateway.errors import documented
from gateway.problems import MEDIA_TYPE
from tests.gateways import Gateway

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


def test_the_document_is_valid(document: Document) -> None:
    """It is OpenAPI 3.1, by the schema of that."""
    OPENAPI_31_VALIDATOR.validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"].keys() == {"bearer", "key"}
