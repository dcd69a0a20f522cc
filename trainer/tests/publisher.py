"""A publisher that the tests stop at will. Run as `publisher.py STORE WHAT`; `main` lists what there is."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from trainer.errors import RunError
from trainer.store.publish import publish
from trainer.store.versions import retire, versions

CALLS = {"open", "os.mkdir", "os.rename", "os.listdir", "os.scandir", "os.remove", "os.rmdir", "fcntl.flock"}
"""The calls to the file system that Python tells an audit hook of."""
FILES = {"saved_model.pb": b"graph" * 1000, "assets.extra/manifest.json": b"{}", "variables/variables.index": b"index"}


def write(folder: Path) -> None:
    """Write a version, small, but of several files and folders."""
    for name, content in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def write_slowly(folder: Path) -> None:
    """Write half a version, say so, and wait to be told to go on."""
    (folder / "saved_model.pb").write_bytes(b"gra")
    sys.stdout.write("half\n")
    sys.stdout.flush()
    sys.stdin.readline()
    write(folder)


def is_whole(version: Path) -> bool:
    """Say whether a version holds all its files, and nothing else."""
    found = {path.relative_to(version).as_posix(): path.read_bytes() for path in version.rglob("*") if path.is_file()}
    return found == FILES


def die_at(event: int) -> None:
    """Kill this process, as `kill -9` does, just before its nth call to the file system."""
    left = event

    def count(name: str, _: object) -> None:
        nonlocal left
        left -= name in CALLS
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def let_another_be_faster(store: Path, event: str, ending: str) -> None:
    """Have another publisher publish version 1, whole, just before this process makes or locks `.1.partial`."""
    waiting = True

    def overtake(name: str, arguments: tuple[object, ...]) -> None:
        nonlocal waiting
        if waiting and name == event and str(arguments[0]).endswith(ending):
            waiting = False
            publish(store, write)

    sys.addaudithook(overtake)


def die_everywhere(prepare: Callable[[int], Path], act: Callable[[Path], object]) -> None:
    """Act again and again, killed one file-system call later each time, until one process lives to the end."""
    event, status = 0, -1
    while status:
        event += 1
        store = prepare(event)
        child = os.fork()
        if not child:
            die_at(event)
            act(store)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        broken = [number for number in versions(store) if not is_whole(store / str(number))]
        if broken:
            sys.exit(f"killed before its call {event}, a process left {broken} incomplete")
    sys.stdout.write(f"{event}\n")


def filled(store: Path) -> Path:
    """Make a store with the versions 1 and 2."""
    publish(store, write)
    publish(store, write)
    return store


def write_thoroughly(folder: Path) -> None:
    """Write the same version piece by piece, each to the disk, so that a random moment may fall between any two."""
    for name, content in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        with (folder / name).open("wb") as file:
            for start in range(0, len(content), 200):
                file.write(content[start : start + 200])
                file.flush()
                os.fsync(file.fileno())


def publish_and_stay(store: Path) -> None:
    """Say that all is imported, publish, say how many seconds that took, and wait to be killed."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    started = time.monotonic()
    publish(store, write_thoroughly)
    sys.stdout.write(f"{time.monotonic() - started}\n")
    sys.stdout.flush()
    sys.stdin.readline()


def publish_too_much(store: Path) -> None:
    """Publish a version, another that does not fit on the disk, and one more; tell what the store holds each time."""

    def write_too_much(folder: Path) -> None:
        for name in ("saved_model.pb", "fingerprint.pb", "weights"):
            (folder / name).write_bytes(bytes(50_000))

    publish(store, write)
    try:
        publish(store, write_too_much)
    except RunError as error:
        sys.stdout.write(f"{error}\n{[path.name for path in store.iterdir()]}\n")
    publish(store, write)
    sys.stdout.write(f"{versions(store)}\n")


def main() -> None:
    """Do what the arguments say."""
    store, what = Path(sys.argv[1]), sys.argv[2]
    if what == "again":
        for _ in range(int(sys.argv[3])):
            publish(store, write)
    elif what in {"overtaken", "robbed"}:
        let_another_be_faster(store, *{"overtaken": ("os.mkdir", ".1.partial"), "robbed": ("fcntl.flock", "")}[what])
        publish(store, write)
    else:
        acts: dict[str, Callable[[], object]] = {
            "pause": lambda: publish(store, write_slowly),
            "stay": lambda: publish_and_stay(store),
            "too much": lambda: publish_too_much(store),
            "die": lambda: die_everywhere(lambda _: store, lambda path: publish(path, write)),
            "die retiring": lambda: die_everywhere(
                lambda event: filled(store / str(event)), lambda path: retire(path, 1)
            ),
        }
        acts[what]()


if __name__ == "__main__":
    main()
