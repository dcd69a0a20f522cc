"""Draw key panels of a span of time: `python -m monitoring.pictures --from 2026-01-01T12:00 --to 2026-01-01T12:10`."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx

from monitoring.pictures.figures import png_of
from monitoring.pictures.key import KEY
from monitoring.pictures.prometheus import Prometheus, QueryError
from monitoring.pictures.span import Span


def main(argv: Sequence[str]) -> int:
    """Write a PNG for each picture and name it; return the exit status."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if not arguments.begin < arguments.end:
        parser.error(f"--from is {arguments.begin:g} and --to {arguments.end:g}; the span must end after it begins")
    span = Span(arguments.begin, arguments.end, arguments.scrape_s)
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        with httpx.Client(base_url=arguments.prometheus) as client:
            for picture in KEY:
                file = arguments.out / f"{picture.name}.png"
                file.write_bytes(png_of(picture, Prometheus(client, span)))
                sys.stdout.write(f"{file}\n")
    except QueryError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def moment(text: str) -> float:
    """Return seconds since 1970 of a moment: ISO 8601, in UTC where no zone is named, or these seconds.

    Raises:
        ValueError: it is neither.
    """
    try:
        return float(text)
    except ValueError:
        read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m monitoring.pictures", description="draw panels of a span of time")
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090", metavar="URL")
    parser.add_argument("--from", dest="begin", type=moment, required=True, help="ISO 8601, or seconds since 1970")
    parser.add_argument("--to", dest="end", type=moment, required=True, help="likewise")
    parser.add_argument(
        "--scrape-s", type=float, default=5.0, metavar="S", help="the scrape interval of Prometheus (default 5)"
    )
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"), metavar="FOLDER")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
