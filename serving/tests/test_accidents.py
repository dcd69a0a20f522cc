"""What happens to stores by accident, under a server that is a process of its own."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from serving.tests.official import Official, connected
from tests import toymodel
from tests.modelserver import MODEL, ModelServer, serving
from tests.processes import PYTHON, ROOT, eventually

IMAGES = np.full((1, 32, 32, 1), 200, np.uint8)


@dataclass(frozen=True)
class Site:
    """A server with a client; its base path is the test's to spoil."""

    server: ModelServer
    client: Official

    @property
    def answering(self) -> int:
        return self.client.probabilities(IMAGES)[0]

    def logged(self, text: str) -> int:
        return self.server.running.output().count(text)


def make_store(folder: Path, toys: Path, *versions: int) -> Path:
    base_path = folder / MODEL
    base_path.mkdir()
    for version in versions:
        toymodel.copy(toys / str(version), base_path, version)
    return base_path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, toy_versions: Path) -> Iterator[Site]:
    base_path = make_store(tmp_path_factory.mktemp("accidents"), toy_versions, 1)
    with serving(base_path, "--max_num_load_retries=0") as server, connected(server.target) as client:
        yield Site(server, client)


def _delete(_: Path) -> None:
    pass


def _empty(base_path: Path) -> None:
    base_path.mkdir()


def _block(base_path: Path) -> None:
    base_path.touch()


def _loop(base_path: Path) -> None:
    base_path.symlink_to(base_path)


@pytest.mark.parametrize(
    ("accident", "told"),
    [
        pytest.param(_delete, "base path unreadable", id="deleted"),
        pytest.param(_empty, "No versions of servable lung found under base path", id="emptied"),
        pytest.param(_block, "base path unreadable", id="a file"),
        pytest.param(_loop, "base path unreadable", id="a link to itself"),
    ],
)
def test_the_model_goes_on_answering_while_its_base_path_is(
    site: Site, accident: Callable[[Path], None], told: str
) -> None:
    store = site.server.store
    before, recovered = site.logged(told), site.logged(" again ")
    away = store.rename(store.with_name("away"))
    accident(store)
    eventually(lambda: site.logged(told) > before, within=30, what="the accident was seen")

    assert site.answering == 1

    if store.is_dir() and not store.is_symlink():
        store.rmdir()
    else:
        store.unlink(missing_ok=True)
    away.rename(store)
    eventually(lambda: site.logged(" again ") > recovered, within=30, what="it was seen that all is well again")


def test_where_the_newest_version_is_half_copied_the_older_one_serves_until_it_is_whole(
    tmp_path: Path, toy_versions: Path
) -> None:
    """
    The copy is not atomic: its files come one by one, after the server has started and given the version up.
    """
    base_path = make_store(tmp_path, toy_versions, 1)
    shutil.copytree(toy_versions / "2", base_path / "2", ignore=shutil.ignore_patterns("variables"))
    with serving(base_path, "--max_num_load_retries=0") as server, connected(server.target) as client:
        site = Site(server, client)
        assert site.answering == 1
        assert client.states()[2].status.error_code != 0
        shutil.copytree(toy_versions / "2", base_path / "2", dirs_exist_ok=True)
        eventually(lambda: site.answering == 2, within=60, what="the whole version serves")

        np.testing.assert_allclose(client.probabilities(IMAGES)[1][0], toymodel.expected(IMAGES[0], 2), atol=1e-5)


def test_where_no_older_version_may_stand_in_a_broken_newest_one_ends_the_server(
    tmp_path: Path, toy_versions: Path
) -> None:
    base_path = make_store(tmp_path, toy_versions, 1)
    (base_path / "2").mkdir()
    flags = ("--max_num_load_retries=0", "--fall_back_to_older_versions=false")
    done = subprocess.run(
        [PYTHON, "-m", "serving", "--embedded", f"--model_base_path={base_path}", f"--model_name={MODEL}", *flags],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )

    assert done.returncode == 1
    assert "UNKNOWN: 1 servable(s) did not become available: {{{name: lung version: 2} due to error: " in done.stderr
