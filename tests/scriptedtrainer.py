"""A trainer that does as a test tells it: `python -m tests.scriptedtrainer FOLDER parameters|retrain ...`.

It stands for endings that the real one cannot be brought to at will. What it is to say lies in FOLDER/says; it says
that, and ends as soon as there is FOLDER/end. Where there is FOLDER/stubborn, it does not heed SIGTERM.
"""

import signal
import sys
import time
from pathlib import Path


def main(folder: Path, command: str) -> None:
    """Do what the command stands for."""
    if command == "parameters":
        sys.stdout.write("{}")
        return
    if (folder / "stubborn").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdout.buffer.write((folder / "says").read_bytes())
    sys.stdout.flush()
    while not (folder / "end").exists():
        time.sleep(0.02)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
