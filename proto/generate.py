"""Generate a Python module and its type stub from each .proto file here. Run as `make proto`."""

from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
_SOURCES = ("proto/tfserving.proto", "proto/tensorflow.proto")


def generate(out: Path) -> None:
    """Write the generated modules and their stubs below `out`, in a folder `proto`.

    Raises:
        RuntimeError: protoc refused a file; its message is on standard error.
    """
    well_known = files("grpc_tools") / "_proto"
    paths = [f"--proto_path={ROOT}", f"--proto_path={well_known}"]
    code = protoc.main(["protoc", *paths, f"--python_out={out}", f"--pyi_out={out}", *_SOURCES])
    if code != 0:
        raise RuntimeError(f"protoc ended with {code}")


if __name__ == "__main__":
    generate(ROOT)
