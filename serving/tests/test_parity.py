"""Which versions may be computed in bfloat16."""

import json

import pytest

from serving.parity import allows_bfloat16


def parity(**bfloat16: object) -> bytes:
    float32 = {"passed": True, "difference": 1e-6, "bound": 1e-3, "reason": None}
    return json.dumps({"images": 8, "processor": "x", "float32": float32, "bfloat16": bfloat16}).encode()


def test_a_version_that_passed_in_bfloat16_may_be_computed_so() -> None:
    assert allows_bfloat16(parity(passed=True, difference=0.01, bound=0.05, reason=None)) is None


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        pytest.param(None, "it has no assets.extra/parity.json, so nobody knows", id="there is no file"),
        pytest.param(
            parity(passed=False, difference=0.2, bound=0.05, reason="probabilities differ by up to 0.2"),
            "it did not pass in bfloat16: probabilities differ by up to 0.2",
            id="it did not pass",
        ),
        pytest.param(
            parity(passed=False, difference=None, bound=0.05, reason="not measured: no AMX"),
            "it did not pass in bfloat16: not measured: no AMX",
            id="it was not measured",
        ),
        pytest.param(parity(passed=False), "no reason is given", id="no reason"),
        pytest.param(b'{"bfloat16"', "its assets.extra/parity.json cannot be read", id="the file is cut off"),
        pytest.param(b'{"float32": {"passed": true}}', "cannot be read", id="it says nothing of bfloat16"),
        pytest.param(parity(passed="true"), "cannot be read", id="a word is no truth value"),
        pytest.param(b"\xff\xfe", "cannot be read", id="it is no text"),
    ],
)
def test_any_other_version_may_not_and_the_reason_is_told(found: bytes | None, reason: str) -> None:
    assert reason in str(allows_bfloat16(found))
