"""Images that are kept to be learned from: what is stored, under which names, and what is refused."""

import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateways import Gateway, serving_gateway
from tests.images import jpeg, pixels, png
from tests.modelserver import ModelServer

NORMAL, SQUAMOUS = "normal", "squamous.cell.carcinoma"
HOSTILE = ("../x", "/etc", "..", ".", ".hidden", "normal/../../x", "normal\0", "NORMAL", "é", "a" * 300)


@dataclass(frozen=True)
class Keeper:
    """A gateway, and the folder where it stores uploads."""

    gateway: Gateway
    folder: Path

    def post(self, *files: tuple[str, bytes], **texts: str | Sequence[str]) -> httpx.Response:
        """Upload files with the texts of other fields."""
        parts = [("files", (name, body, "image/png")) for name, body in files]
        return httpx.post(f"{self.gateway.url}/upload-data", files=parts, data=texts, timeout=60)

    def keep(self, *files: tuple[str, bytes], **texts: str | Sequence[str]) -> dict[str, Any]:
        reply = self.post(*files, **texts)
        assert reply.status_code == 200, reply.text
        document: dict[str, Any] = reply.json()
        return document

    def session(self, identity: str) -> dict[str, Any]:
        document: dict[str, Any] = httpx.get(f"{self.gateway.url}/uploaded-data/{identity}").json()
        return document

    def stored(self) -> set[str]:
        """Return the files below the folder, but for the session's part of their paths."""
        return {"/".join(path.relative_to(self.folder).parts[1:]) for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def refusing(model_server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    """One for all tests that have nothing stored."""
    folder = tmp_path_factory.mktemp("refusing")
    with serving_gateway(model_server.target, folder, uploads=str(folder / "uploads")) as gateway:
        yield Keeper(gateway, folder / "uploads")


@pytest.fixture
def keeper(model_server: ModelServer, tmp_path: Path) -> Iterator[Keeper]:
    folder = tmp_path / "uploads"
    with serving_gateway(model_server.target, tmp_path, uploads=str(folder), uploads_quota_bytes="60000") as gateway:
        yield Keeper(gateway, folder)


def name_of(body: bytes, kind: str) -> str:
    return f"{hashlib.sha256(body).hexdigest()}.{kind}"


def test_images_are_stored_under_their_labels_and_names_of_ours(keeper: Keeper) -> None:
    """A label for each or one for all, or none; the bytes are those that were sent, and the session lists them."""
    one, other, third = png(pixels(1)), jpeg(pixels(2)), png(pixels(3))
    each = keeper.keep(("../../a.png", one), ("b.jpg", other), ("c", third), labels=[NORMAL, SQUAMOUS, ""])
    fourth = png(pixels(4))
    all_alike = keeper.keep(("d.png", fourth), label=NORMAL)

    assert [(file["label"], file["accepted"]) for file in each["files"]] == [
        (NORMAL, True),
        (SQUAMOUS, True),
        (None, True),
    ]
    assert keeper.stored() == {
        f"{NORMAL}/{name_of(one, 'png')}",
        f"{SQUAMOUS}/{name_of(other, 'jpg')}",
        f".unlabelled/{name_of(third, 'png')}",
        f"{NORMAL}/{name_of(fourth, 'png')}",
    }
    assert (keeper.folder / each["session_id"] / NORMAL / name_of(one, "png")).read_bytes() == one
    session = keeper.session(each["session_id"])
    assert session["labels"] == {NORMAL: 1, SQUAMOUS: 1}
    assert [file["sha256"] for file in session["files"]] == [file["sha256"] for file in each["files"]]
    assert all_alike["session_id"] != each["session_id"]
    assert keeper.gateway.total("gateway_uploads_total", outcome="stored") == 4


def test_a_file_that_is_no_image_is_an_error_in_its_place(keeper: Keeper) -> None:
    """The others are kept; nothing of it is on the disk."""
    whole = png(pixels(1))
    kept = keeper.keep(("a.png", whole[:200]), ("b.png", whole), ("c.txt", b"no"), label=NORMAL)

    assert [file["accepted"] for file in kept["files"]] == [False, True, False]
    assert [file.get("error", {}).get("type") for file in kept["files"]] == [
        "/problems/image-truncated",
        None,
        "/problems/image-format",
    ]
    assert keeper.stored() == {f"{NORMAL}/{name_of(whole, 'png')}"}
    assert keeper.gateway.total("gateway_uploads_total", outcome="rejected") == 2


def test_the_same_image_is_stored_once_and_keeps_its_label(keeper: Keeper) -> None:
    """In one request or later; another label is a conflict; an image that had none gets the one that comes."""
    one, other = png(pixels(1)), png(pixels(2))
    first = keeper.keep(("a.png", one), ("again.png", one), label=NORMAL)
    second = keeper.keep(("b.png", one), ("c.png", one), labels=[SQUAMOUS, NORMAL])
    keeper.keep(("d.png", other))
    third = keeper.keep(("e.png", other), label=SQUAMOUS)

    assert [file["duplicate"] for file in first["files"]] == [False, True]
    assert second["files"][0]["error"]["type"] == "/problems/label-conflict"
    assert second["files"][1]["duplicate"]
    assert [file["duplicate"] for file in keeper.session(second["session_id"])["files"]] == [True]
    assert not third["files"][0]["duplicate"]
    assert keeper.stored() == {
        f"{NORMAL}/{name_of(one, 'png')}",
        f".unlabelled/{name_of(other, 'png')}",
        f"{SQUAMOUS}/{name_of(other, 'png')}",
    }


@pytest.mark.parametrize("label", HOSTILE, ids=ascii)
def test_a_label_that_is_no_class_of_the_model_is_refused(refusing: Keeper, label: str) -> None:
    """Whatever it would mean as a path; nothing is stored, not even the images whose labels are right."""
    reply = refusing.post(("a.png", png(pixels(1))), ("b.png", png(pixels(2))), labels=[NORMAL, label])

    assert (reply.status_code, reply.json()["type"]) == (422, "/problems/labels-invalid")
    assert not refusing.folder.exists()


@pytest.mark.parametrize(
    "texts", [{"labels": [NORMAL, NORMAL]}, {"label": [NORMAL, SQUAMOUS]}, {"label": NORMAL, "labels": [NORMAL]}]
)
def test_labels_that_do_not_match_the_files_are_refused(refusing: Keeper, texts: dict[str, Any]) -> None:
    """There is one for each file, or one for all."""
    reply = refusing.post(("a.png", png(pixels(1))), **texts)

    assert (reply.status_code, reply.json()["type"]) == (422, "/problems/labels-invalid")
    assert not refusing.folder.exists()


def test_more_than_the_quota_is_refused_whole(keeper: Keeper) -> None:
    """507, nothing is left behind, what fits is still taken, and a duplicate takes no space."""
    bodies = [png(pixels(seed, 96)) for seed in (211, 212, 213)]
    assert sum(map(len, bodies)) > 60_000 > sum(map(len, bodies[:2]))
    full = keeper.post(*(("a.png", body) for body in bodies), label=NORMAL)
    before = keeper.stored() if keeper.folder.exists() else set()
    fits = keeper.post(*(("a.png", body) for body in bodies[:2]), label=NORMAL)
    again = keeper.post(("a.png", bodies[2]), label=NORMAL)
    duplicate = keeper.post(("a.png", bodies[0]), label=NORMAL)

    assert (full.status_code, full.json()["type"]) == (507, "/problems/uploads-full")
    assert "PULMO_UPLOADS_QUOTA_BYTES=60000" in full.json()["detail"]
    assert before == set()
    assert [reply.status_code for reply in (fits, again, duplicate)] == [200, 507, 200]
    assert len(keeper.stored()) == 2
    assert keeper.gateway.total("gateway_uploads_total", outcome="refused") == 4


def test_uploads_at_one_time_do_not_exceed_the_quota_together(keeper: Keeper) -> None:
    """Each would fit alone; those that do not fit with the others are refused, and leave nothing behind."""
    bodies = [png(pixels(seed, 96)) for seed in range(211, 219)]
    together = threading.Barrier(len(bodies))

    def post(body: bytes) -> int:
        together.wait()
        return keeper.post(("a.png", body), label=NORMAL).status_code

    with ThreadPoolExecutor(len(bodies)) as pool:
        statuses = list(pool.map(post, bodies))

    assert sorted(statuses) == [200] * 2 + [507] * 6
    assert len(keeper.stored()) == 2
    assert len(list(keeper.folder.iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_a_problem_and_not_a_bug(keeper: Keeper) -> None:
    """Nothing is recorded; as soon as it can be written, uploads are taken again."""
    keeper.folder.write_text("in the way")
    reply = keeper.post(("a.png", png(pixels(1))), label=NORMAL)
    with sqlite3.connect(keeper.gateway.history) as connection:
        rows = connection.execute("SELECT count(*) FROM uploads").fetchone()
    connection.close()
    keeper.folder.unlink()
    afterwards = keeper.post(("a.png", png(pixels(1))), label=NORMAL)

    assert (reply.status_code, reply.json()["type"]) == (503, "/problems/uploads-unavailable")
    assert str(keeper.folder) not in reply.text
    assert rows == (0,)
    assert afterwards.status_code == 200


@pytest.mark.parametrize("identity", ["0" * 32, "x", "%00", "..%2f..%2fetc%2fpasswd"])
def test_an_unknown_session_is_a_problem(refusing: Keeper, identity: str) -> None:
    """404, also for what can be no identity."""
    assert httpx.get(f"{refusing.gateway.url}/uploaded-data/{identity}").status_code == 404


def test_a_form_without_files_and_a_text_that_is_none_are_refused(refusing: Keeper) -> None:
    """400 each, as for predictions."""
    url = f"{refusing.gateway.url}/upload-data"
    without = httpx.post(url, files={"other": b"x"})
    broken = httpx.post(url, files=[("files", ("a.png", png(pixels(1)))), ("label", (None, b"\xff\xfe"))])

    assert (without.status_code, without.json()["type"]) == (400, "/problems/missing-field")
    assert (broken.status_code, broken.json()["type"]) == (400, "/problems/malformed-form")
