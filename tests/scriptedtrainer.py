"""A trainer that does as a test tells it: `python -m tests.scriptedtrainer FOLDER parameters|retrain ...`.

It stands for endings that the real one cannot be brought to at will. What it is to say lies in FOLDER/says; it says
that, and ends as soon as there is FOLDER/end. Where there is FOLDER/stubborn, it does not heed SIGTERM. What may be set
is the JSON schema FOLDER/schema; FOLDER/refuses is what it has against all parameters.
"""

import signal
import sys
import time
from pathlib import Path


def main(folder: Path, command: str, *arguments: str) -> None:
    """Do what the command stands for."""
    if command == "parameters":
        tell_parameters(folder, check="--check" in arguments)
        return
    if (folder / "stubborn").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdout.buffer.write((folder / "says").read_bytes())
    sys.stdout.flush()
    while not (folder / "end").exists():
        time.sleep(0.02)


def tell_parameters(folder: Path, *, check: bool) -> None:
    """Say what may be set, or refuse what was."""
    schema, refuses = folder / "schema", folder / "refuses"
    if check and refuses.exists():
        sys.stderr.write(f"Error: {refuses.read_text()}")
        sys.exit(2)
    sys.stdout.write(schema.read_text() if schema.exists() else "{}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
