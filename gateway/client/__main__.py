"""The client's command: `python -m gateway.client predict FILE|FOLDER...`.

Exit status: 0, all files were classified; 1, some were not, and their rows say why; 2, the work could not be done: a
wrong command line, no gateway, no right to ask it, or nowhere to write.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.client.asynchronous import AsyncClient
from gateway.client.failures import ClientError
from gateway.client.finding import find
from gateway.client.folders import classify
from gateway.client.images import Limits
from gateway.client.rows import WRITERS, Writer

OK, SOME_FAILED, FAILED, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Do what the command line says; return the exit status."""
    options = _parser(environment).parse_args(arguments)
    try:
        with ExitStack() as stack:
            stream = stack.enter_context(options.output.open("w", encoding="utf-8")) if options.output else sys.stdout
            return asyncio.run(_predict(options, stream))
    except (ClientError, OSError) as error:
        sys.stderr.write(f"gateway.client: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m gateway.client", description="Ask a Pulmo gateway.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    predict = commands.add_parser(
        "predict",
        help="classify images",
        description="Classify images. Folders are searched, also the folders in them, for .png, .jpg, .jpeg and .dcm.",
        epilog="Exit status: 0, all were classified; 1, some were not; 2, the work could not be done. An API key is "
        "read from PULMO_API_KEY.",
    )
    predict.add_argument("files", nargs="+", type=Path, metavar="FILE|FOLDER")
    predict.add_argument(
        "--url",
        default=environment.get("PULMO_GATEWAY_URL", "http://127.0.0.1:8000"),
        help="of the gateway; before PULMO_GATEWAY_URL (%(default)s)",
    )
    predict.add_argument("--format", choices=list(WRITERS), default="table", help="(%(default)s)")
    predict.add_argument("--output", type=Path, metavar="FILE", help="where to write; the standard output without it")
    predict.add_argument("--concurrency", type=_count, default=4, metavar="N", help="requests at a time (%(default)s)")
    predict.add_argument("--batch", type=_count, default=32, metavar="N", help="images in a request (%(default)s)")
    predict.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        metavar="S",
        help="seconds for a request and its repetitions (%(default)s)",
    )
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


async def _predict(options: argparse.Namespace, stream: TextIO) -> int:
    writer: Writer = WRITERS[options.format](stream)
    limits = Limits(files=options.batch)
    errors = 0
    with _progress() as progress:
        total = None if progress.disable else sum(1 for _ in find(options.files))  # names are listed twice, not kept
        shown = progress.add_task("images", total=total)
        async with (
            AsyncClient(options.url, timeout=options.timeout) as client,
            aclosing(classify(client, find(options.files), concurrency=options.concurrency, limits=limits)) as rows,
        ):
            async for row in rows:
                writer.write(row)
                errors += row.entry.error is not None
                progress.advance(shown)
    writer.close()
    return SOME_FAILED if errors else OK


def _progress() -> Progress:
    """Return a bar on the standard error, which is not drawn where that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
