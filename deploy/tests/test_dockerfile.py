"""The Dockerfile, read as a file: there is no Docker engine where these tests must run."""

import json
import re
import shlex
from dataclasses import dataclass, field
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.processes import ROOT

PROCESSES = ["gateway", "serving", "trainer", "dashboard", "loadtests"]


@dataclass
class Stage:
    """What stands between two FROM lines."""

    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [argument for instruction, argument in self.instructions if instruction == name]


def read_stages() -> dict[str, Stage]:
    text = re.sub(r"^#.*\n", "", (ROOT / "deploy" / "Dockerfile").read_text(), flags=re.MULTILINE)
    stages: dict[str, Stage] = {}
    for line in text.replace("\\\n", " ").splitlines():
        name, _, argument = line.partition(" ")
        if name == "FROM":
            base, _, stage = argument.partition(" AS ")
            stages[stage] = Stage(base)
        elif name:
            stages[list(stages)[-1]].instructions.append((name, argument.strip()))
    return stages


STAGES = read_stages()


def lineage(name: str) -> list[Stage]:
    """Return a stage and those that it is built on."""
    stage = STAGES[name]
    return [stage, *(lineage(stage.base) if stage.base in STAGES else [])]


def copies() -> list[tuple[str, str]]:
    """Return every path that is copied: the stage it comes from, or nothing for the repository, and the path."""
    found = []
    for stage in STAGES.values():
        for argument in stage.all("COPY"):
            words = shlex.split(argument)
            origin = next((word.removeprefix("--from=") for word in words if word.startswith("--from=")), "")
            found += [(origin, word) for word in words[:-1] if not word.startswith("--")]
    return found


def test_there_is_an_image_for_every_process() -> None:
    """
    The last stages of the file are the images, one for each process.
    """
    assert list(STAGES)[-len(PROCESSES) :] == PROCESSES


def test_every_copied_path_exists() -> None:
    """
    What is copied from the repository is there, and what is copied from a stage comes from one.
    """
    assert [path for origin, path in copies() if not origin and not (ROOT / path).exists()] == []
    assert {origin for origin, _ in copies()} - {""} <= set(STAGES)


def test_every_copied_path_is_sent_to_the_engine() -> None:
    """
    .dockerignore lets through what is copied, and nothing that could hold data, history or a secret.
    """
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line.removeprefix("!") for line in sent if line.startswith("!")]
    copied = {path for origin, path in copies() if not origin} - {"."}

    assert next(line for line in sent if not line.startswith("#")) == "*"
    assert [
        path for path in copied if not any(fnmatch(path, name) or path.startswith(f"{name}/") for name in allowed)
    ] == []
    assert [name for name in allowed if not (ROOT / name).exists()] == []
    assert not {"data", "var", ".venv", ".git"} & set(allowed)


def test_the_model_server_of_ours_is_told_what_the_real_one_is_told() -> None:
    """
    Both images serve what serving/config says, and listen on the same ports.
    """
    [line] = STAGES["serving"].all("CMD")
    compose = (ROOT / "deploy" / "compose.yaml").read_text()
    flags = json.loads(line)[3:]

    assert "serving/config /config" in STAGES["serving"].all("COPY")
    assert [flag for flag in flags if f"- {flag}\n" not in compose] == []
    assert [
        (ROOT / "serving" / "config" / flag.rpartition("/")[2]).is_file() for flag in flags if "/config/" in flag
    ] == [
        True,
        True,
    ]


def test_base_images_are_pinned() -> None:
    """
    Images from outside have a version to the last digit, and that of Python is the one in the paths.
    """
    outside = [stage.base for stage in STAGES.values() if stage.base not in STAGES]

    assert outside == [base for base in outside if re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+(-[a-z]+)*", base)]
    assert [re.match(r"python:(\d+\.\d+)", base)[1] for base in outside] == ["3.11"]  # type: ignore[index]
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    assert set(re.findall(r"/lib/python([\d.]+)/", text)) == {"3.11"}


@pytest.mark.parametrize("process", PROCESSES)
def test_an_image_holds_what_its_lock_says(process: str) -> None:
    """
    Every process has a lock, installed with hashes, and the image takes the environment made from it.
    """
    packages = STAGES[f"{process}-packages"]

    assert (ROOT / "requirements" / f"{process}.txt").is_file()
    assert f"$INSTALL_LOCKED -r requirements/{process}.txt" in packages.all("RUN")
    assert f"--from={process}-packages /opt/venv /opt/venv" in STAGES[process].all("COPY")
    installer = " ".join(STAGES["builder"].all("ENV"))
    assert re.search(r'INSTALL_LOCKED="[^"]*--require-hashes --no-deps[^"]*"', installer)


@pytest.mark.parametrize("process", PROCESSES)
def test_an_image_runs_a_module_that_exists(process: str) -> None:
    """
    The command is in the exec form, so that signals reach it, and its module can be run.
    """
    [line] = STAGES[process].all("ENTRYPOINT") or STAGES[process].all("CMD")
    python, flag, module, *_ = json.loads(line)

    assert (python, flag) == ("python", "-m")
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).with_name("__main__.py").is_file()
    assert all(json.loads(line) for line in STAGES[process].all("CMD"))


@pytest.mark.parametrize("process", PROCESSES)
def test_nothing_runs_as_root(process: str) -> None:
    """
    The last user that an image is given is a number other than 0, and SIGTERM ends it.
    """
    users = [user for stage in lineage(process) for user in stage.all("USER")]

    assert users
    assert int(users[0].partition(":")[0]) > 0
    assert [signal for stage in lineage(process) for signal in stage.all("STOPSIGNAL")] == ["SIGTERM"]


@pytest.mark.parametrize("process", ["gateway", "dashboard"])
def test_a_server_is_checked_on_the_port_that_it_exposes(process: str) -> None:
    """
    The health check asks, with Python alone, the port that the image exposes.
    """
    [check], [port] = STAGES[process].all("HEALTHCHECK"), STAGES[process].all("EXPOSE")
    command = json.loads(check[check.index("CMD") + 4 :])

    assert command[:2] == ["python", "-c"]
    assert f"http://127.0.0.1:{port}/" in command[2]
    compile(command[2], "HEALTHCHECK", "exec")
