"""The analysis notebook: its two files agree, it runs, and what is committed may be published."""

import re

import jupytext
import nbformat
import pytest
from nbformat import NotebookNode

from trainer.data.phantoms import KINDS
from trainer.notebook.generate import COMMITTED, SOURCE, execute

MAX_BYTES = 1_048_576
FLAWS = ("4 of 44 images in test have a twin in train", "copies in more than one class", "broken.png: PNG ends after")


def text(notebook: NotebookNode) -> str:
    """Return what all cells printed, in order."""
    return "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))


def pictures(notebook: NotebookNode) -> int:
    data = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ())]
    return sum("image/png" in one for one in data)


@pytest.fixture(scope="session")
def committed() -> NotebookNode:
    return nbformat.read(COMMITTED, as_version=4)


@pytest.fixture(scope="session")
def executed() -> NotebookNode:
    """The notebook, run anew in a kernel, with as little training as shows everything."""
    return execute({"PULMO_NOTEBOOK_EPOCHS": "1"})


def test_script_and_notebook_hold_the_same_cells(committed: NotebookNode) -> None:
    """
    The .ipynb was generated from the script as it is now: no cell was edited in one of the two alone.
    """
    source, notebook = (
        [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in one.cells]
        for one in (jupytext.read(SOURCE), committed)
    )

    assert source == notebook


def test_the_notebook_runs_from_top_to_bottom(executed: NotebookNode) -> None:
    """
    On phantoms, in a real kernel: each code cell once, in order, and nothing on standard error.
    """
    code = [cell for cell in executed.cells if cell.cell_type == "code"]

    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert [output.text for cell in code for output in cell.outputs if output.get("name") == "stderr"] == []


def test_the_notebook_finds_the_flaws_that_it_planted(executed: NotebookNode) -> None:
    """
    The copies between the splits, the copy in another class and the broken file, each as the text announces it.
    """
    assert [flaw for flaw in FLAWS if flaw not in text(executed)] == []


def test_the_notebook_judges_its_model(executed: NotebookNode) -> None:
    """
    The evaluation names every class, with all images and again without twins, and gives intervals; the plots are there.
    """
    evaluation = text(executed).partition("run, test: accuracy")[2]
    everything, _, without = evaluation.partition("without the twins:")

    for part in (everything, without):
        assert [kind for kind in KINDS if kind not in part] == []
        assert "95% interval" in part
    assert pictures(executed) >= 9


def test_the_committed_outputs_are_whole(committed: NotebookNode, executed: NotebookNode) -> None:
    """
    Who reads the notebook on a code host sees as much as who runs it: phantoms, with every picture.
    """
    assert "no patient's image is in this notebook" in text(committed)
    assert pictures(committed) >= pictures(executed) - 1  # a model may have made no mistake to show
    assert [cell.source for cell in committed.cells if cell.cell_type == "code" and not cell.execution_count] == []


def test_the_committed_notebook_can_be_published(committed: NotebookNode) -> None:
    """
    It is below a mebibyte, names no folder of the machine that it ran on, and nothing about when it ran.
    """
    written = COMMITTED.read_text(encoding="utf-8")
    without_pictures = re.sub(r'"image/png": "[^"]*"', "", written)

    assert len(written.encode()) < MAX_BYTES
    assert re.findall(r"(?:^|[\s\"'(=])/(?:[\w.-]+/)+[\w.-]*|[A-Z]:\\\\", without_pictures) == []
    assert committed.metadata.keys() == {"jupytext", "kernelspec", "language_info"}
    assert {key for cell in committed.cells for key in cell.metadata} <= {"tags"}
    assert [cell.id for cell in committed.cells] == [f"cell-{n:02d}" for n, _ in enumerate(committed.cells, 1)]
