"""What users do beyond Locust: they read answers, come again later each time, and build forms."""

import pytest

from loadtests.answers import (
    Outcome,
    WrongAnswer,
    check_batch,
    check_health,
    check_page,
    check_prediction,
    read_outcome,
    told_to_wait_s,
)
from loadtests.images import Image
from loadtests.load.backoff import LONGEST_S, pause_s
from loadtests.load.forms import FORM_TYPE, build_form

PREDICTION = {"prediction": "normal", "confidence": 0.5, "model_version": 1}


@pytest.mark.parametrize(
    ("refusals", "spread", "seconds"),
    [(1, 0.0, 2.0), (1, 1.0, 3.0), (2, 0.0, 4.0), (3, 0.0, 8.0), (50, 0.0, LONGEST_S)],
)
def test_a_client_waits_as_it_is_told_and_longer_each_time(refusals: int, spread: float, seconds: float) -> None:
    """
    Never less than it was told, twice as long after each refusal, not for ever; and not all at the same time.
    """
    assert pause_s(2.0, refusals, spread) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"), [({"Retry-After": "7"}, 7.0), ({}, 1.0), ({"Retry-After": "Mon"}, 1.0)]
)
def test_a_refusal_says_when_to_come_again(headers: dict[str, str], seconds: float) -> None:
    """
    In seconds, as the gateway does; a second where it says nothing of the kind.
    """
    assert told_to_wait_s(headers) == seconds


def test_an_answer_is_read_and_a_refusal_is_none() -> None:
    """
    A refusal has no body that would be looked at.
    """
    assert read_outcome(200, {}, b'{"status": "ok"}', check_health) is Outcome.ANSWERED
    assert read_outcome(503, {"Retry-After": "1"}, b"", check_health) is Outcome.REFUSED


@pytest.mark.parametrize("body", [b"", b"[]", b'{"status": "degraded"}'])
def test_an_answer_that_is_not_what_was_asked_for_is_wrong(body: bytes) -> None:
    """
    No JSON, no object, or not healthy.
    """
    with pytest.raises(WrongAnswer):
        read_outcome(200, {}, body, check_health)


@pytest.mark.parametrize("name", PREDICTION)
def test_a_prediction_lacks_nothing(name: str) -> None:
    """
    Class, confidence and version are there, or it is none.
    """
    check_prediction(PREDICTION)

    with pytest.raises(WrongAnswer, match=name):
        check_prediction({**PREDICTION, name: None})


def test_every_image_of_a_batch_has_a_prediction() -> None:
    """
    As many as there were images, and no error among them.
    """
    check_batch({"predictions": [PREDICTION, PREDICTION]}, 2)

    for entries in ([PREDICTION], [PREDICTION, {"error": {"status": 400}}], None):
        with pytest.raises(WrongAnswer):
            check_batch({"predictions": entries}, 2)


def test_a_page_holds_no_more_than_was_asked_for_and_leads_on() -> None:
    """
    `next` is a number or null, and never missing.
    """
    check_page({"history": [{}, {}], "next": None}, 2)

    wrong: list[dict[str, object]] = [{"history": [{}, {}, {}], "next": 1}, {"history": []}, {"next": None}]
    for page in wrong:
        with pytest.raises(WrongAnswer):
            check_page(page, 2)


def test_a_form_holds_each_image_under_one_name() -> None:
    """
    Parts with the bytes as they are, and an end.
    """
    head = 'Content-Disposition: form-data; name="files"; filename="%s"\r\nContent-Type: %s\r\n\r\n'
    boundary = FORM_TYPE.partition("boundary=")[2].encode()

    body = build_form("files", [Image('a".png', "image/png", b"\r\n--"), Image("b.jpg", "image/jpeg", b"B")])

    assert body.split(b"--" + boundary) == [
        b"",
        b"\r\n" + (head % ("a_.png", "image/png")).encode() + b"\r\n--\r\n",
        b"\r\n" + (head % ("b.jpg", "image/jpeg")).encode() + b"B\r\n",
        b"--\r\n",
    ]
