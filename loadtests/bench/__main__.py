"""The benchmark: what the service does on this machine, beside what the machine could do.

    python -m loadtests.bench                                    # throughput and latency
    python -m loadtests.bench --parts all --store var/models/lung --images data/test

Where no store is named, the reference network is trained on phantoms first, once (var/bench). The report is written to
loadtests/results.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from loadtests.bench import machine
from loadtests.bench.material import MaterialMissing, prepare
from loadtests.bench.measuring import Bench, WrongAnswers
from loadtests.bench.parts import connections, growth, latency, load80, overload, peers, start, throughput
from loadtests.bench.processes import NotReady
from loadtests.bench.report import Report, Section, as_markdown, write
from loadtests.images import ImagesMissing

BY_MODE: Final[dict[str, Callable[[Bench, str], Section]]] = {
    "throughput": throughput.measure,
    "latency": latency.measure,
    "load80": load80.measure,
}
ONCE: Final[dict[str, Callable[[Bench], Section]]] = {
    "overload": lambda bench: overload.measure(overload.briefly(bench)),
    "connections": connections.measure,
    "start": start.measure,
}
PARTS: Final = (*BY_MODE, *ONCE, "growth")
DEFAULT_PARTS: Final = ("throughput", "latency")
MODES: Final = ("float32", "bfloat16")


def plan(
    parts: Sequence[str], modes: Sequence[str], names: Sequence[str]
) -> list[tuple[str, Callable[[Bench], Section]]]:
    """Return what is to be measured, by what it is called; `names` are peers."""
    found: list[tuple[str, Callable[[Bench], Section]]] = []
    for part in parts:
        if part in BY_MODE:
            found += [(f"{part}, {mode}", _in_mode(BY_MODE[part], mode)) for mode in modes]
        elif part in ONCE:
            found.append((part, ONCE[part]))
        else:
            found += [(f"growth, {name}", measure) for name, measure in growth.SECTIONS.items()]
    if names:
        found.append(("peers", partial(peers.measure, names=names)))
    return found


def _in_mode(measure: Callable[[Bench, str], Section], mode: str) -> Callable[[Bench], Section]:
    return lambda bench: measure(bench, mode)


def run(
    bench: Bench, steps: Sequence[tuple[str, Callable[[Bench], Section]]], publish: Callable[[Report], None]
) -> Report:
    """Measure one step after the other; what fails is said, and does not keep the rest from being measured."""
    method = {
        "rounds": bench.rounds,
        "seconds": bench.seconds,
        "warm-up s": bench.warm_up,
        "images": len(bench.material.images),
        "image kB on average": round(
            sum(len(i.body) for i in bench.material.images) / len(bench.material.images) / 1000
        ),
        "settings": " ".join(f"{name}={value}" for name, value in bench.settings.items()) or "the defaults",
    }
    report = Report(machine.describe(), method)
    for name, measure in steps:
        try:
            section = measure(bench)
        except (NotReady, WrongAnswers, OSError, RuntimeError) as error:
            report.failures.append(f"{name}: {error}")
            bench.say(f"FAILED {report.failures[-1]}")
            continue
        report.sections.append(section)
        for line in section.lines:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
        publish(report)
    return report


def main(argv: Sequence[str] | None = None) -> int:
    """Run, write the report, and return 1 where something could not be measured."""
    arguments = _parse(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    try:
        material = prepare(arguments.store, arguments.images, arguments.work)
    except (MaterialMissing, ImagesMissing) as error:
        raise SystemExit(str(error)) from error
    with TemporaryDirectory(prefix="pulmo-bench-") as folder:
        bench = Bench(
            material=material,
            folder=Path(folder),
            work=arguments.work,
            seconds=arguments.seconds,
            warm_up=arguments.warm_up,
            rounds=arguments.rounds,
            connections=arguments.connections,
            modes=arguments.modes,
            settings=dict(arguments.setting),
            limit_setting=arguments.limit,
        )
        name = machine.file_name(machine.describe()) + (f"-{arguments.suffix}" if arguments.suffix else "")
        steps = plan(arguments.parts, arguments.modes, arguments.peers)
        report = run(bench, steps, lambda report: _write(report, arguments.out, name))
    sys.stdout.write("\n" + as_markdown(report))
    _write(report, arguments.out, name)
    return int(bool(report.failures))


def _write(report: Report, folder: Path, name: str) -> None:
    write(report, folder, name)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", type=Path, help="folder of a model's versions; the newest is served")
    parser.add_argument("--images", type=Path, help="folder of images, or a file with a path in each line")
    parser.add_argument("--parts", type=_parts, default=DEFAULT_PARTS, help=f"all, or some of {','.join(PARTS)}")
    parser.add_argument("--peers", type=_words, default=(), metavar="NAMES", help="all, or names from loadtests/peers")
    parser.add_argument("--modes", type=_words, default=MODES, help=f"of {','.join(MODES)}")
    parser.add_argument("--connections", type=_numbers, default=(1, 8, 32, 128))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0, help="of one measurement")
    parser.add_argument("--warm-up", type=float, default=3.0, help="seconds of load before each measurement")
    parser.add_argument(
        "--setting", type=_setting, action="append", default=[], metavar="PULMO_X=Y", help="of the gateway"
    )
    parser.add_argument("--limit", metavar="INTRA,CALLERS,DECODERS,BATCH", help="the limit's setting, not searched for")
    parser.add_argument("--work", type=Path, default=Path("var/bench"), help="what is made once is kept there")
    parser.add_argument("--out", type=Path, default=Path("loadtests/results"))
    parser.add_argument("--suffix", default="", help="at the end of the report's name")
    return parser.parse_args(argv)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def _parts(text: str) -> tuple[str, ...]:
    names = PARTS if text == "all" else _words(text)
    for name in names:
        if name not in PARTS:
            raise argparse.ArgumentTypeError(f"{name!r} is no part; name some of {', '.join(PARTS)}, or all")
    return names


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name.startswith("PULMO_") or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no setting; write PULMO_NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
