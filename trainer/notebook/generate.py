"""Run the notebook in a kernel and write it with its outputs. Run as `make notebook`.

`lung_cancer_analysis.py` is the source; the .ipynb beside it is generated, and is committed because code hosts show it.
Its outputs are those on phantoms. As soon as a `PULMO_NOTEBOOK_*` variable is set, which may name real images, the
outputs go to `var/notebook/` instead, which git ignores.
"""

import base64
import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import jupytext
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image
from rich.console import Console
from traitlets.config import Config

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = Path(__file__).with_name("lung_cancer_analysis.py")
COMMITTED = SOURCE.with_suffix(".ipynb")
PRIVATE = ROOT / "var" / "notebook" / COMMITTED.name
PREFIX = "PULMO_NOTEBOOK_"

_TIMEOUT_S = 3600
"""For one cell: training on real images is one."""
_COLOURS = 48
"""Of a picture in the committed file, which would be three times as large with all of them."""
_LOCAL = Config(KernelManager={"transport": "ipc"})
"""The kernel is spoken to through sockets of this user alone, not through ports."""


def execute(settings: Mapping[str, str]) -> NotebookNode:
    """Run the source from top to bottom in a kernel of its own.

    Args:
        settings: `PULMO_NOTEBOOK_*` variables; those of this process do not reach the kernel.

    Returns:
        The notebook with its outputs, and without anything that says when or where it ran.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    notebook = jupytext.read(SOURCE)
    around = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    client = NotebookClient(notebook, timeout=_TIMEOUT_S, coalesce_streams=True, record_timing=False, config=_LOCAL)
    client.execute(env={**around, **settings}, cwd=str(ROOT))
    return _neutral(notebook)


def _neutral(notebook: NotebookNode) -> NotebookNode:
    """Keep of the metadata what viewers need, and number the cells, whose ids are random otherwise."""
    notebook.metadata = {
        "jupytext": {"formats": "ipynb,py:percent"},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"file_extension": ".py", "name": "python", "pygments_lexer": "ipython3"},
    }
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number:02d}"
        cell.metadata = {"tags": cell.metadata.tags} if "tags" in cell.metadata else {}
        for output in cell.get("outputs", ()):
            if "metadata" in output:
                output.metadata = {}
    return notebook


def shrunk(notebook: NotebookNode) -> NotebookNode:
    """Reduce the colours of all pictures."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                picture = Image.open(BytesIO(base64.b64decode(output.data["image/png"])))
                file = BytesIO()
                few = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
                few.save(file, format="PNG", optimize=True)
                output.data["image/png"] = base64.b64encode(file.getvalue()).decode()
    return notebook


def main() -> None:
    """Write the notebook, and say where."""
    settings = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    target = PRIVATE if settings else COMMITTED
    target.parent.mkdir(parents=True, exist_ok=True)
    jupytext.write(execute(settings) if settings else shrunk(execute({})), target)
    Console().print(f"the notebook is in {target.relative_to(ROOT)}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
