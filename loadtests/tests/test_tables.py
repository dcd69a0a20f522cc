"""The tables of load tests: they say what was kept, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from loadtests.load.readme import BEGIN, END, MarkersMissing, place_table, results_of
from loadtests.load.report import as_page, as_share, keep, read
from loadtests.load.scenarios import CLAIMED
from tests.processes import ROOT

README = ROOT / "README.md"
MACHINE = {
    "date": "2026-01-02",
    "cpu": "Some CPU",
    "cores": 2,
    "memory_gb": 8,
    "system": "Linux 6",
    "versions": {"Python": "3"},
}


def run(scenario: str, **changes: object) -> dict[str, Any]:
    """Return the figures of a run, as Locust would write them."""
    times = {"mean_ms": 20.5, "p50_ms": 15, "p95_ms": 60, "p99_ms": 100}
    return {
        "scenario": scenario,
        "quick": False,
        "seconds": 120.0,
        "users": 10,
        "images": "4 drawn images",
        "summary": {"answered": 900, "refused": 100, "failed": 1, "predictions": 700, "rate": 9.5, **times},
        "routes": [{"name": "/predict", "method": "POST", "requests": 701, "failed": 1, **times}],
        "errors": ["POST /predict: status 500 (1 times)"],
        "generator": {"processes": 1, "cores": 0.25, "busiest": 0.25, "late_p99_ms": 3, "warnings": ["was late"]},
        "counts": [["/predict", "POST", "200", 700], ["/predict", "POST", "500", 1]],
        "problems": ["1 of 1001 requests failed; none may"],
        "differences": [],
        "shared": False,
        "local": True,
        **changes,
    }


def test_the_table_in_the_readme_says_what_the_kept_results_say() -> None:
    """
    Written by `make load` and `python -m loadtests.load table`, never by hand.
    """
    page = README.read_text()

    assert place_table(page, ROOT / results_of(page), ROOT) == page


def test_the_page_of_the_kept_results_says_what_they_say() -> None:
    """
    The page beside the JSON documents is made from them.
    """
    folder = ROOT / results_of(README.read_text())

    assert (folder / "README.md").read_text() == as_page(read(folder))


def test_no_kept_result_names_a_place_of_the_machine() -> None:
    """
    Processor and versions are enough to compare; paths and addresses are nobody's business.
    """
    for path in (ROOT / results_of(README.read_text())).iterdir():
        text = path.read_text()
        assert "http://" not in text
        assert re.findall(r"(?<![\w/.])/\w+/\w+", text) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with results of the five scenarios."""
    for scenario in CLAIMED:
        keep(run(scenario), MACHINE, tmp_path / "loadtests/results/2026-01-02-some-2-load")
    return tmp_path / "loadtests/results/2026-01-02-some-2-load"


def test_what_was_claimed_stands_beside_what_was_measured(folder: Path, tmp_path: Path) -> None:
    """
    In one row for each of the five, labelled as never reproduced; the text around the table stays as it is.
    """
    page = place_table(f"before\n{BEGIN}\nold\n{END}\nafter", folder, tmp_path)

    assert page.startswith(f"before\n{BEGIN}\n2 cores of Some CPU")
    assert page.endswith(f"{END}\nafter")
    assert "never reproduced" in page
    assert "| spike | 10 | 20.5 | 60.0 | 100 | 9.50 | 0.1 % | 10 % | 1500 | 200 | 15 % |" in page
    assert results_of(page) == "loadtests/results/2026-01-02-some-2-load"
    assert "quick" not in page


def test_a_service_that_ran_elsewhere_is_not_said_to_share_the_machine(folder: Path, tmp_path: Path) -> None:
    """
    The machine that is described is the one that Locust ran on.
    """
    page = keep(run("spike", local=False), MACHINE, folder)

    assert "Locust ran on it, the service elsewhere." in page.read_text()
    assert "for Locust; the service ran elsewhere" in place_table(f"{BEGIN}{END}", folder, tmp_path)


def test_a_quick_run_is_called_one(folder: Path, tmp_path: Path) -> None:
    """
    A few seconds measure nothing, and both pages say so.
    """
    page = keep(run("spike", quick=True), MACHINE, folder)

    assert "The quick form" in page.read_text()
    assert "The quick form, which measures nothing" in place_table(f"{BEGIN}{END}", folder, tmp_path)


def test_the_page_of_results_tells_what_went_wrong(folder: Path) -> None:
    """
    Problems, errors and what the generator says of itself stand below each scenario.
    """
    text = (folder / "README.md").read_text()

    assert text.count("- 1 of 1001 requests failed; none may\n") == len(CLAIMED)
    assert text.count("- POST /predict: status 500 (1 times)\n") == len(CLAIMED)
    assert text.count("- was late\n") == len(CLAIMED)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "The gateway counted what Locust did, request for request."),
        ({"shared": True}, "may have counted requests of others"),
        ({"differences": ["..."]}, "The gateway counted otherwise than Locust"),
    ],
)
def test_the_page_of_results_tells_who_counted_what(changes: dict[str, object], sentence: str, tmp_path: Path) -> None:
    """
    Equal, shared with others, or different.
    """
    assert sentence in keep(run("spike", **changes), MACHINE, tmp_path).read_text()


def test_a_table_needs_all_five_and_its_place(folder: Path, tmp_path: Path) -> None:
    """
    What is missing is named.
    """
    with pytest.raises(MarkersMissing, match="write <!-- make load: begin -->"):
        place_table("no place", folder, tmp_path)
    with pytest.raises(MarkersMissing):
        results_of("no table")

    (folder / "high.json").unlink()

    with pytest.raises(FileNotFoundError, match="has no results of high; run make load SCENARIO=all"):
        place_table(f"{BEGIN}{END}", folder, tmp_path)


def test_figures_are_kept_whole(folder: Path) -> None:
    """
    The JSON document has all of them, and the machine.
    """
    kept = json.loads((folder / "spike.json").read_text())

    assert kept == {"machine": MACHINE, **run("spike")}


def test_a_share_of_something_is_never_nothing() -> None:
    """
    One failure in a million is not 0 %.
    """
    assert (as_share(0, 5), as_share(1, 10**6), as_share(1, 2), as_share(0, 0)) == ("0 %", "0.0001 %", "50 %", "0 %")
