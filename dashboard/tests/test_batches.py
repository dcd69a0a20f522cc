"""Several images: how they are sent, and as a file."""

import csv
import io
import shlex

import pytest

from dashboard import pictures, snippets
from dashboard.batches import Answered, Image, portions, summary, to_csv
from dashboard.client.messages import Prediction, Refusal, Timings

PREDICTION = Prediction(
    "1", "normal", 0.9, {"normal": 0.9}, 3, Timings(total=5.0), "2026-11-29T00:00:00Z", abstain=True
)
PNG = b"\x89PNG\r\n\x1a\n"


def image(name: str, size: int = 1) -> Image:
    return Image(name, name, bytes(size))


def test_portions_are_small_and_in_order() -> None:
    """
    Neither many images nor large ones make a portion that the gateway would refuse; none is lost.
    """
    images = [image(str(number)) for number in range(20)] + [
        image(f"large {number}", 20_000_000) for number in range(2)
    ]

    parted = list(portions(images))

    assert [one for portion in parted for one in portion] == images
    assert [len(portion) for portion in parted] == [8, 8, 5, 1]


def test_a_summary_says_what_is_not_to_be_relied_on() -> None:
    answers = [Answered(image("a"), PREDICTION), Answered(image("b"), Refusal("No image", 415))]

    assert summary(answers) == "2 images: 1 normal, 1 refused. The model would not rely on 1 of its answers."


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x"])
def test_a_spreadsheet_runs_nothing_of_a_files_name(name: str) -> None:
    answers = [Answered(image(name), PREDICTION)]

    rows = list(csv.DictReader(io.StringIO(to_csv(answers))))

    assert rows[0]["file"] == f"'{name}"
    assert (rows[0]["class"], rows[0]["confidence"], rows[0]["abstain"]) == ("normal", "0.9", "true")


def test_thumbnails_are_of_bounded_size() -> None:
    """
    What is too large, what is one too many, and what a browser cannot show has none.
    """
    small, large = PNG + bytes(200_000), PNG + bytes(400_000)

    urls = pictures.thumbnails([small, large, b"DICM", *[small] * 100])

    assert [url is not None for url in urls[:4]] == [True, False, False, True]
    assert sum(url is not None for url in urls) == 59


@pytest.mark.parametrize("name", ["slice.png", "a b.png", "it's.png", 'a"b.png', "a;rm -rf x.png", "$(id).png", "a\\b"])
def test_a_copied_command_names_the_file_and_runs_nothing_else(name: str) -> None:
    words = shlex.split(snippets.curl("http://gateway", name, with_key=True))

    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    assert words == [
        "curl",
        "-H",
        "Authorization: Bearer $PULMO_API_KEY",
        "-F",
        f'file=@"{quoted}"',
        "http://gateway/predict",
    ]
    compile(snippets.python("http://gateway", name, with_key=True), "snippet", "exec")
