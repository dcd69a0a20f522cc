"""The generated modules belong to the .proto file beside them."""

import subprocess
from pathlib import Path

import pytest

from proto.generate import ROOT
from tests.processes import PYTHON

GENERATE = "import sys, pathlib, proto.generate; proto.generate.generate(pathlib.Path(sys.argv[1]))"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with freshly generated modules; by another process, as protoc and TensorFlow clash."""
    folder = tmp_path_factory.mktemp("generated")
    subprocess.run([PYTHON, "-c", GENERATE, str(folder)], check=True, cwd=ROOT)
    return folder / "proto"


@pytest.mark.parametrize(
    "name", [f"{name}_pb2.{kind}" for name in ("tfserving", "tensorflow") for kind in ("py", "pyi")]
)
def test_what_is_checked_in_is_what_protoc_makes_now(name: str, generated: Path) -> None:
    assert (ROOT / "proto" / name).read_text() == (generated / name).read_text()
