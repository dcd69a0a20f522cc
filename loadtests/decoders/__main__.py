"""Measure decoders and resizers with a folder of PNGs.

    python -m loadtests.decoders --images data/test                      # a table of what this environment has
    python -m loadtests.decoders --images data/test --json one.json      # the same, kept
    python -m loadtests.decoders --merge one.json two.json               # one table of several environments

Pillow and Pillow-SIMD cannot live in one environment, so a full table takes at least two.
"""

import argparse
import json
import platform
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadtests.bench.machine import describe
from loadtests.decoders.measuring import measure
from loadtests.decoders.table import as_markdown
from loadtests.images import ImagesMissing


def result(folder: Path, rounds: int, label: str) -> dict[str, Any]:
    """Measure, and return what a table is made of, as JSON's types.

    Raises:
        ImagesMissing: the folder holds no images.
    """
    rows, missing, method = measure(folder, rounds)
    return {
        "label": label,
        "machine": describe(),
        "python": platform.python_version(),
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "method": method,
        "rows": [row._asdict() | {"figures": row.figures._asdict()} for row in rows],
        "missing": [vars(lack) for lack in missing],
    }


def main(arguments: Sequence[str]) -> None:
    """Measure or merge, and write the table to standard output."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=Path, default=Path("data/test"), help="a folder of PNGs")
    parser.add_argument("--rounds", type=int, default=7, help="odd is best: medians are taken")
    parser.add_argument("--label", default="this environment", help="what the table calls this environment")
    parser.add_argument("--json", type=Path, help="where to keep the result for --merge")
    parser.add_argument("--merge", type=Path, nargs="+", help="kept results to make one table of; nothing is measured")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}; it must be at least 1")
    if options.merge:
        results = [json.loads(path.read_text()) for path in options.merge]
    else:
        try:
            results = [result(options.images, options.rounds, options.label)]
        except ImagesMissing as error:
            parser.error(str(error))
    if options.json:
        options.json.write_text(json.dumps(results[0], indent=1) + "\n")
    sys.stdout.write(as_markdown(results))


if __name__ == "__main__":
    main(sys.argv[1:])
