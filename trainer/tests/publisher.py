"""A publisher that the tests stop at will. Run as `publisher.py STORE pause`, `again N`, `overtaken` or `die`."""

import os
import signal
import sys
from pathlib import Path

from trainer.publish import publish

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
        left -= name in {"open", "os.mkdir", "os.rename", "os.listdir", "os.scandir"}
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def let_another_be_faster(store: Path) -> None:
    """Have another publisher publish version 1, whole, just before this process makes `.1.partial`."""
    waiting = True

    def overtake(name: str, arguments: tuple[object, ...]) -> None:
        nonlocal waiting
        if waiting and name == "os.mkdir" and str(arguments[0]).endswith(".1.partial"):
            waiting = False
            publish(store, write)

    sys.addaudithook(overtake)


def publish_and_die(store: Path) -> None:
    """Publish again and again, killed one file-system call later each time, until one publisher lives to the end."""
    event, status = 0, -1
    while status:
        event += 1
        child = os.fork()
        if not child:
            die_at(event)
            publish(store, write)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        visible = [path for path in store.iterdir() if path.name.isdigit()] if store.is_dir() else []
        broken = [path.name for path in visible if not is_whole(path)]
        if broken:
            sys.exit(f"killed before its call {event}, a publisher left {broken} incomplete")
    sys.stdout.write(f"{event}\n")


def main() -> None:
    """Do what the arguments say."""
    store, what = Path(sys.argv[1]), sys.argv[2]
    if what == "pause":
        publish(store, write_slowly)
    elif what == "again":
        for _ in range(int(sys.argv[3])):
            publish(store, write)
    elif what == "overtaken":
        let_another_be_faster(store)
        publish(store, write)
    else:
        publish_and_die(store)


if __name__ == "__main__":
    main()
