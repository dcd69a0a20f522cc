"""Generate `tfserving_pb2.py` and its type stub from `tfserving.proto`. Run as `make proto`."""

from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent


def generate(out: Path) -> None:
    """Write the generated module and its stub below `out`, in a folder `proto`.

    Raises:
        RuntimeError: protoc refused the file; its message is on standard error.
    """
    well_known = files("grpc_tools") / "_proto"
    paths = [f"--proto_path={ROOT}", f"--proto_path={well_known}"]
    code = protoc.main(["protoc", *paths, f"--python_out={out}", f"--pyi_out={out}", "proto/tfserving.proto"])
    if code != 0:
        raise RuntimeError(f"protoc ended with {code}")


if __name__ == "__main__":
    generate(ROOT)
