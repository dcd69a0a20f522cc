"""`python -m gateway.client predict`, as a process, against a real gateway."""

import csv
import io
import json
import os
import pty
import resource
import subprocess
from pathlib import Path

import pytest

from tests.gateways import Gateway
from tests.images import jpeg, pixels, png
from tests.processes import PYTHON, ROOT, free_port


def predict(url: str, *arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, "-m", "gateway.client", "predict", *map(str, arguments), "--url", url]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=cwd, env=environment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with images, in folders, beside what is none."""
    for name in ("b/2.png", "b/10.png", "a.PNG", "c/d/e.jpeg"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        encode = jpeg if name.endswith("jpeg") else png
        path.write_bytes(encode(pixels(len(name))))
    (tmp_path / "images" / "notes.txt").write_text("no image, and not asked for")
    return tmp_path / "images"


ORDER = ["a.PNG", "b/10.png", "b/2.png", "c/d/e.jpeg"]


def test_a_folder_becomes_csv_in_the_order_of_its_files(gateway: Gateway, folder: Path) -> None:
    """Each image has a row, and the status is 0; nothing is drawn where nobody looks."""
    done = predict(gateway.url, folder, "--format", "csv", "--batch", "1", "--concurrency", "3")

    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert (done.returncode, done.stderr) == (0, "")
    assert [row["file"] for row in rows] == [str(folder / name) for name in ORDER]
    assert {row["model_version"] for row in rows} == {"1"}
    assert all(0 < float(row["confidence"]) <= 1 and row["prediction"] and not row["error"] for row in rows)


def test_json_holds_everything_that_was_answered(gateway: Gateway, folder: Path, tmp_path: Path) -> None:
    """One array, in a file if it is told so."""
    done = predict(gateway.url, folder, "--format", "json", "--output", tmp_path / "out.json")

    rows = json.loads((tmp_path / "out.json").read_text())
    assert (done.returncode, done.stdout) == (0, "")
    assert [row["file"] for row in rows] == [str(folder / name) for name in ORDER]
    assert all(row["confidence"] == max(row["probabilities"].values()) for row in rows)


def test_what_cannot_be_classified_is_a_row_with_its_error_and_status_1(gateway: Gateway, folder: Path) -> None:
    """The others are answered all the same, in their places."""
    broken, gone = folder / "b" / "1.png", folder / "gone.png"
    broken.write_bytes(b"no image")
    files = [gone, folder, folder / "notes.txt"]
    done = predict(gateway.url, *files, "--format", "json", "--batch", "2")

    rows = json.loads(done.stdout)
    errors = {row["file"]: row["error"]["title"] for row in rows if "error" in row}
    assert done.returncode == 1
    assert [row["file"] for row in rows] == [
        str(gone),
        *(str(folder / name) for name in ("a.PNG", "b/1.png", *ORDER[1:])),
        str(folder / "notes.txt"),
    ]
    assert errors == {
        str(gone): "The file cannot be read",
        str(broken): "The image format is not supported",
        str(folder / "notes.txt"): "The image format is not supported",
    }


def test_a_request_that_is_refused_is_an_error_of_its_files_alone(gateway: Gateway, tmp_path: Path) -> None:
    """A file beyond the gateway's limits does not end the work, though its refusal may be lost with the connection."""
    (tmp_path / "1.png").write_bytes(bytes(65 * 1024 * 1024))
    (tmp_path / "2.png").write_bytes(png(pixels(2)))
    done = predict(gateway.url, tmp_path, "--format", "csv")

    first, second = csv.DictReader(io.StringIO(done.stdout))
    assert done.returncode == 1
    assert first["error"].startswith(("The body is too large", "There was no answer"))
    assert second["prediction"]


def test_a_table_shows_names_and_cannot_be_made_to_move_the_cursor(gateway: Gateway, tmp_path: Path) -> None:
    """A file's name may hold anything but a slash."""
    (tmp_path / "x\x1b[2J.png").write_bytes(png(pixels(2)))
    done = predict(gateway.url, tmp_path)

    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert r"x\x1b[2J.png" in done.stdout


def test_a_file_name_is_no_formula_in_a_spreadsheet(gateway: Gateway, tmp_path: Path) -> None:
    """Whoever names a file shall not run anything where the CSV is opened."""
    (tmp_path / "=cmd.png").write_bytes(png(pixels(2)))
    done = predict(gateway.url, "=cmd.png", "--format", "csv", cwd=tmp_path)

    assert [row["file"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["'=cmd.png"]


def test_without_a_gateway_the_status_is_2(folder: Path, tmp_path: Path) -> None:
    """Nothing answers, nowhere to write, a wrong command line: the work was not done."""
    url = f"http://127.0.0.1:{free_port()}"
    done = predict(url, folder)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"gateway.client: {url} gave no answer" in done.stderr
    assert "Traceback" not in done.stderr
    for wrong in (["--output", tmp_path / "no" / "folder.csv"], ["--concurrency", "0"], ["--format", "xml"]):
        again = predict(url, folder, *wrong)
        assert (again.returncode, "Traceback" in again.stderr) == (2, False)


def test_a_terminal_sees_progress_and_the_output_stays_clean(gateway: Gateway, folder: Path) -> None:
    """The bar is drawn on the standard error alone."""
    terminal, inner = pty.openpty()
    command = [PYTHON, "-m", "gateway.client", "predict", str(folder), "--url", gateway.url, "--format", "csv"]
    environment = {**os.environ, "TERM": "xterm"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=inner, timeout=120, check=True, env=environment, cwd=ROOT
    )
    os.close(inner)
    drawn = os.read(terminal, 65536).decode()
    os.close(terminal)

    assert "4/4" in drawn
    assert [row["file"] for row in csv.DictReader(io.StringIO(done.stdout.decode()))] == [
        str(folder / name) for name in ORDER
    ]


def test_memory_does_not_grow_with_the_files(gateway: Gateway, tmp_path: Path) -> None:
    """A thousand files of half a megabyte fit into less memory than half of them have."""
    image = tmp_path / "image.png"
    image.write_bytes(png(pixels(3)) + bytes(512 * 1024))  # refused or not, it is read and sent
    (tmp_path / "many").mkdir()
    for n in range(1000):
        os.link(image, tmp_path / "many" / f"{n:04}.png")
    command = [
        PYTHON,
        "-m",
        "gateway.client",
        "predict",
        str(tmp_path / "many"),
        "--url",
        gateway.url,
        "--format",
        "csv",
    ]

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (300 * 1024 * 1024,) * 2)

    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, preexec_fn=limited, cwd=ROOT
    )

    assert done.returncode in (0, 1), done.stderr
    assert len(done.stdout.splitlines()) == 1001
