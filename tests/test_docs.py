"""The documents say what the code does."""

import re
import subprocess

import msgspec
import pytest

from dashboard.settings import Settings as ConsoleSettings
from gateway.settings import Settings
from tests.processes import ROOT
from trainer.config import TrainingConfig

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "settings"), [("README.md", Settings), ("dashboard/README.md", ConsoleSettings)])
def test_every_setting_is_on_its_page_with_its_default(page: str, settings: type[msgspec.Struct]) -> None:
    """The table of settings is complete, and shows nothing that is gone."""
    text = (ROOT / page).read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `PULMO_(\w+)` \| `?([^|`]*)`? \|", text, re.MULTILINE))
    defaults = {
        name.upper(): "" if value == () else str(value)
        for name, value in zip(settings.__struct_fields__, settings.__struct_defaults__, strict=True)
    }

    assert {name: value.lower() for name, value in documented.items()} == {
        name: value.lower() for name, value in defaults.items()
    }


def test_every_key_of_a_training_is_in_the_trainers_page_with_its_default() -> None:
    """The table of the configuration is complete, and shows nothing that is gone."""
    page = (ROOT / "trainer" / "README.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `([\w.]+)` \| (?:`([^`]*)`)? ?\|", page, re.MULTILINE))
    defaults = msgspec.to_builtins(TrainingConfig(data=""))
    augmentation = defaults.pop("augmentation")
    expected = {**defaults, **{f"augmentation.{name}": value for name, value in augmentation.items()}}

    assert {name: documented.get(name, "missing") for name in expected} == {
        name: "" if value in (None, "") else msgspec.json.encode(value).decode().strip('"')
        for name, value in expected.items()
    }


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "dashboard/README.md",
        "data/README.md",
        "requirements/README.md",
        "serving/README.md",
        "trainer/README.md",
    ],
)
def test_every_path_that_a_page_links_to_is_there(page: str) -> None:
    """A newcomer who follows a link arrives."""
    folder = (ROOT / page).parent
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text(encoding="utf-8"))

    assert [link for link in links if not (folder / link).exists()] == []


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "serving/README.md"])
def test_every_test_that_a_page_names_exists(page: str) -> None:
    """Each invariant, and each row of the contract, is held by something that runs."""
    named = set(re.findall(r"`(test_\w+)`", (ROOT / page).read_text(encoding="utf-8")))
    folders = [*ROOT.glob("[a-z]*/tests"), ROOT / "tests"]
    sources = "".join(path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("test_*.py"))

    assert named
    assert set() == {name for name in named if f"def {name}(" not in sources}


def test_every_make_target_that_a_page_names_exists() -> None:
    """`make help` and the pages agree."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

    assert set(re.findall(r"`make ([a-z]+)", pages)) <= targets


def test_no_registry_address_and_no_machine_path_is_in_the_tree() -> None:
    """The locks are portable, and nobody's folders are published."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    suspicious = re.compile(r"^(--index-url|--extra-index-url|--find-links)|" + re.escape(str(ROOT)), re.MULTILINE)

    assert [
        name
        for name in listed
        if (ROOT / name).suffix in {".txt", ".md", ".py", ".toml", ".yaml", ".yml", ".json", ".conf", ".sh"}
        and suspicious.search((ROOT / name).read_text(encoding="utf-8"))
    ] == []
