"""What the trainer's events mean for a job."""

import json

import pytest

from gateway.jobs.events import Report, after, conclusion


def line(event: str, **fields: object) -> bytes:
    return json.dumps({"event": event, **fields}).encode()


STARTED = line("started", run="r", labels=[], train=20, valid=4, skipped=[], epochs=8, done=0, progress=0.0)
EPOCH = line("epoch", epoch=4, epochs=8, progress=0.5, loss=1, accuracy=1, val_loss=1, val_accuracy=0.25, seconds=1)
FINISHED = line("finished", run="r", ended="epochs", metrics={"accuracy": 0.5}, model_digest="", progress=1.0)
JUDGED = line("judged", version=1, images=4, current=0.25, run=0.5)
PUBLISHED = line("published", version=7, store="s")
WORSE = line("failed", error="the run is worse", kind="PromotionError")
BROKEN = line("failed", error="no images", kind="DataError")


def test_progress_rises_to_a_hundred_and_the_message_says_how_far() -> None:
    """Percent after each event, and the outcome's figures."""
    seen = [after(Report(), [STARTED, EPOCH, line("calibrated"), FINISHED, JUDGED, PUBLISHED][:n]) for n in range(7)]
    progress = [report.progress for report in seen]

    assert progress == sorted(progress)
    assert (progress[0], progress[-1]) == (0.0, 100.0)
    assert seen[2].message == "epoch 4 of 8: validation accuracy 0.250"
    assert (seen[-1].version, seen[-1].metrics) == (7, {"accuracy": 0.5})


@pytest.mark.parametrize(
    "noise", [b"", b"{", b"[1]", b'"text"', b"\xff", line("unheard"), line("epoch"), b"[" * 100_000], ids=range(8)
)
def test_what_is_no_event_is_left_out(noise: bytes) -> None:
    """Whatever a library prints, and whatever a later trainer tells."""
    assert after(after(Report(), [STARTED]), [noise, EPOCH]) == after(Report(), [STARTED, EPOCH])


@pytest.mark.parametrize(
    ("lines", "cancelled", "signal", "status", "says"),
    [
        ([STARTED, PUBLISHED], False, "", "completed", "version 7 is published"),
        ([STARTED, PUBLISHED], True, "SIGKILL", "completed", "version 7 is published"),
        ([STARTED, WORSE], False, "", "rejected", "the run is worse"),
        ([BROKEN], False, "", "failed", "no images"),
        ([STARTED, EPOCH], True, "SIGTERM", "cancelled", "cancelled at 47.5 %"),
        ([BROKEN], True, "", "cancelled", "cancelled"),
        ([STARTED], False, "SIGKILL", "failed", "without a result by SIGKILL"),
        ([], False, "", "failed", "without a result:"),
    ],
)
def test_how_a_job_ended(lines: list[bytes], cancelled: bool, signal: str, status: str, says: str) -> None:  # noqa: FBT001
    """What is published counts first, then what was asked for, then what the trainer says, then how it ended."""
    concluded, message = conclusion(after(Report(), lines), cancelled=cancelled, signal=signal)

    assert concluded == status
    assert says in message
