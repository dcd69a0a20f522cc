"""Which paths are which requests."""

import pytest

from proto import tfserving_pb2 as pb
from serving.errors import ServingError
from serving.rest_paths import is_api, route

LUNG = pb.ModelSpec(name="lung")


@pytest.mark.parametrize(
    ("verb", "path", "method", "spec"),
    [
        ("POST", "/v1/models/lung:predict", "predict", LUNG),
        ("POST", "/V1/Models/lung:Predict", "predict", LUNG),
        ("POST", "/v1/models/lung/versions/7:predict", "predict", pb.ModelSpec(name="lung", version={"value": 7})),
        ("POST", "/v1/models/lung/labels/a%20b:predict", "predict", pb.ModelSpec(name="lung", version_label="a b")),
        ("POST", "/v1/models/a%2Fb:classify", "classify", pb.ModelSpec(name="a/b")),
        ("POST", "/v1/models/lung:regress", "regress", LUNG),
        ("GET", "/v1/models/lung", "status", LUNG),
        ("GET", "/v1/models/lung/versions/7", "status", pb.ModelSpec(name="lung", version={"value": 7})),
        ("GET", "/v1/models/lung/labels/stable", "status", pb.ModelSpec(name="lung", version_label="stable")),
        ("GET", "/v1/models/lung/metadata", "metadata", LUNG),
        ("GET", "/v1/models/lung/versions/7/metadata", "metadata", pb.ModelSpec(name="lung", version={"value": 7})),
    ],
)
def test_a_path_says_what_is_asked_for(verb: str, path: str, method: str, spec: pb.ModelSpec) -> None:
    assert route(verb, path) == (method, spec)


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/v1/models/lung:predict"),
        ("POST", "/v1/models/lung"),
        ("POST", "/v1/models/lung:explain"),
        ("POST", "/v1/models/:predict"),
        ("POST", "/v1/models/lung/versions/7/labels/stable:predict"),
        ("POST", "/v1/models/lung/versions/seven:predict"),
        ("POST", "/v1/models/lung/versions/-7:predict"),
        ("GET", "/v1/models/lung/"),
        ("GET", "/v1/"),
        ("PUT", "/v1/models/lung"),
        ("HEAD", "/v1/models/lung"),
    ],
)
def test_anything_else_is_malformed(verb: str, path: str) -> None:
    with pytest.raises(ServingError) as caught:
        route(verb, path)

    assert str(caught.value) == f"Malformed request: {verb} {path}"


@pytest.mark.parametrize("digits", ["9223372036854775808", "9" * 5000])
def test_a_version_beyond_64_bits_is_refused(digits: str) -> None:
    with pytest.raises(ServingError, match=rf"Failed to convert version: {digits} to numeric\."):
        route("GET", f"/v1/models/lung/versions/{digits}")


def test_a_status_needs_a_model() -> None:
    with pytest.raises(ServingError, match="Missing model name in request"):
        route("GET", "/v1/models")


def test_what_is_not_below_v1_is_not_the_api() -> None:
    assert [is_api(path) for path in ("/v1/x", "/V1/", "/v1", "/", "/v2/models/lung", "/x/v1/")] == [True, True] + [
        False
    ] * 4
