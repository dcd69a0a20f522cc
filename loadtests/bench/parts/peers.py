"""Peers: other ways to serve the same weights on the same machine, beside ours.

Each is a file `loadtests/peers/NAME.py` with its own environment. It finds PORT, MODEL (a plain Keras SavedModel) and
MODEL_KERAS in its environment, and answers a multipart POST at /predict with `prediction` and `confidence`.
"""

import asyncio
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from loadtests.bench.figures import Row, ratio, summarise
from loadtests.bench.limits import limit_of
from loadtests.bench.material import Material
from loadtests.bench.measuring import CHECKED, Bench, WrongAnswers, check, load
from loadtests.bench.processes import PYTHON, NotReady, free_port, run_json, service, started
from loadtests.bench.report import Section
from loadtests.connection import Address, Connection, build_requests
from loadtests.loops import run

FOLDER: Final = Path(__file__).resolve().parent.parent.parent / "peers"
_BASE: Final = "fastapi_keras"
_TOLERANCE: Final = 0.02
"""Of a probability: peers decode and resize in their own way."""
_OURS: Final = ("pulmo, plain", "pulmo, optimised", "pulmo, optimised, bfloat16")
_PATIENCE_S: Final = 30.0
"""For the first answer of a peer: one that never answers must not hold up the run."""
Target = Callable[[], AbstractContextManager[tuple[str, list[int]]]]
"""Starts what is measured, and gives the URL of its /predict and its processes."""


def measure(bench: Bench, names: Sequence[str]) -> Section:
    """Measure each peer and ours in interleaved rounds."""
    chosen = known() if tuple(names) == ("all",) else names
    exports = plain_exports(bench.material, bench.work)
    targets = _targets(bench, chosen, exports)
    wanted = limit_of(bench.material, bfloat16=False, version=exports / "lung" / "1").answers(CHECKED)
    section = Section(
        "Peers",
        f"All serve the same weights; plain: the unfrozen Keras graph. The answers of the peers are those of the plain "
        f"export within {_TOLERANCE}.",
        ("conn.", "what", "images/s", "lowest", "highest", "p50 ms", "p99 ms", "failed", "CPU s/1000", "RSS MB"),
    )
    rows: list[Row] = []
    for number in range(bench.rounds):
        for name, start in targets.items():
            try:
                rows += _measure(bench, number, name, start, wanted)
            except (NotReady, WrongAnswers, OSError) as error:  # the others are measured all the same
                section.lines.append(f"FAILED: {name}, round {number}: {error}")
                bench.say(section.lines[-1])
    keys = ("p50", "p99", "failed", "cpu_s_per_1000", "rss_mb")
    lines = sorted(summarise(rows), key=lambda line: line.connections)
    section.rows = [
        [line.connections, line.name, line.median["rate"], *line.spread, *(line.median.get(key) for key in keys)]
        for line in lines
    ]
    section.lines += compare(rows, [name for name in chosen if any(row.name == name for row in rows)])
    section.data = [row._asdict() for row in rows]
    return section


def compare(rows: Sequence[Row], peers: Sequence[str], connections: int = 32) -> list[str]:
    """Return what ours are beside the best peer and beside FastAPI with `model.predict`, by ratios round by round."""
    rates = {line.name: line.median["rate"] for line in summarise(rows) if line.connections == connections}
    best = max((name for name in peers if name in rates), key=rates.__getitem__, default=None)
    found = []
    for ours in _OURS:
        for peer in dict.fromkeys(name for name in (best, _BASE) if name in rates):
            if (times := ratio(rows, (ours, connections), (str(peer), connections))) is not None:
                what = "best peer " if peer == best else ""
                found.append(f"{ours} / {what}{peer} at {connections} connections: {times:.2f}")
    return found


def known() -> list[str]:
    """Return the names of all peers."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def plain_exports(material: Material, work: Path) -> Path:
    """Return the folder of the plain exports of this version's weights, made once."""
    digest = hashlib.sha256((material.version / "assets.extra/model.keras").read_bytes()).hexdigest()[:12]
    out = work / f"plain-{digest}"
    if not (out / "lung" / "1").is_dir():
        shutil.rmtree(out, ignore_errors=True)
        run_json("loadtests.bench.plain", material.version, out)
    return out


def environment_of(name: str, work: Path) -> Path:
    """Return the Python of a peer's environment, made anew when what it requires has changed."""
    wanted = (FOLDER / "requirements" / f"{name}.txt").read_text()
    folder = work / "venvs" / name
    mark, python = folder / "installed.txt", folder / "bin" / "python"
    if not mark.is_file() or mark.read_text() != wanted:
        subprocess.run([PYTHON, "-m", "venv", "--clear", str(folder)], check=True)  # noqa: S603
        requirements = str(FOLDER / "requirements" / f"{name}.txt")
        uv = Path(PYTHON).with_name("uv")
        pip = (
            [str(uv), "pip", "install", "--python", str(python)]
            if uv.is_file()
            else [str(python), "-m", "pip", "install"]
        )
        subprocess.run([*pip, "--quiet", "-r", requirements], check=True)  # noqa: S603
        mark.write_text(wanted)
    return python.absolute()


def _targets(bench: Bench, names: Sequence[str], exports: Path) -> dict[str, Target]:
    ours = ((exports / "lung", False), (bench.material.store, False), (bench.material.store, True))
    targets: dict[str, Target] = {
        name: partial(_our_service, bench, store, bfloat16=bfloat16)
        for name, (store, bfloat16) in zip(_OURS, ours, strict=True)
    }
    for name in names:
        targets[name] = partial(_peer, bench, name, environment_of(name, bench.work), exports)
    return targets


@contextmanager
def _our_service(bench: Bench, store: Path, *, bfloat16: bool) -> Iterator[tuple[str, list[int]]]:
    with service(store, bench.folder, bench.settings, bfloat16=bfloat16) as running:
        yield f"{running.url}/predict", running.pids


@contextmanager
def _peer(bench: Bench, name: str, python: Path, exports: Path) -> Iterator[tuple[str, list[int]]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/predict"
    env = {
        "PORT": str(port),
        "MODEL": str((exports / "keras" / "1").absolute()),
        "MODEL_KERAS": str((exports / "model.keras").absolute()),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "BENTOML_DO_NOT_TRACK": "True",
    }
    address = Address.parse(url)
    request = build_requests(address, bench.material.images[:1])[0]
    with started(
        [str(python), str(FOLDER / f"{name}.py")],
        bench.folder / f"{name}.log",
        lambda: run(_answers(address, request)),
        env,
    ) as process:
        yield url, [process.pid]


async def _answers(address: Address, request: bytes) -> bool:
    try:
        connection = await Connection.open(address)
    except OSError:
        return False
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return (await connection.exchange(request)).status == 200
    except (OSError, TimeoutError):
        return False
    finally:
        connection.close()


def _measure(bench: Bench, number: int, name: str, start: Target, wanted: Sequence[Sequence[float]]) -> list[Row]:
    with start() as (url, pids):
        if name not in _OURS[1:]:  # those answer with their temperature, and are checked where throughput is measured
            check(bench.material, url, wanted[: len(bench.material.images)], _TOLERANCE)
        rows = [
            Row(name, connections, number, load(bench, url, connections, pids)) for connections in bench.connections
        ]
    for row in rows:
        bench.say(f"{name}, round {number}, {row.connections} connections: {row.values['rate']:.1f} images/s")
    return rows
