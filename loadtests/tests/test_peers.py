"""The peers are programs that nothing here can import: what they are held to without their environments."""

import ast
import re
from pathlib import Path

import pytest

PEERS = Path(__file__).parent.parent / "peers"
PROGRAMS = sorted(PEERS.glob("*.py"))
LOCKS = [PEERS / "requirements" / f"{program.stem}.txt" for program in PROGRAMS]
PIN = re.compile(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,_-]+\])?==\S+( ; [^\\]+)?( \\\n +--hash=sha256:[0-9a-f]{64})+")


def names(path: Path) -> str:
    return path.stem


def test_there_are_peers_and_each_has_its_locks() -> None:
    """A peer without an environment could not be measured, an environment without a peer would not be."""
    assert PROGRAMS
    assert {path.stem for path in PROGRAMS} == {path.stem for path in (PEERS / "requirements").glob("*.in")}
    assert {path.stem for path in PROGRAMS} == {path.stem for path in (PEERS / "requirements").glob("*.txt")}


@pytest.mark.parametrize("program", PROGRAMS, ids=names)
def test_a_peer_compiles_and_listens_on_loopback_where_it_is_told(program: Path) -> None:
    """What starts a peer needs to know nothing but the environment variables PORT and MODEL."""
    tree = compile(program.read_text(), program.name, "exec", ast.PyCF_ONLY_AST)
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}

    assert {"127.0.0.1", "PORT"} <= texts
    assert texts & {"MODEL", "MODEL_KERAS"}
    assert "0.0.0.0" not in texts


@pytest.mark.parametrize("program", PROGRAMS, ids=names)
def test_a_peer_is_not_hidden_by_its_own_name(program: Path) -> None:
    """A program's folder comes first on its path: one named like what it imports would import itself."""
    tree = ast.parse(program.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}

    assert imported.isdisjoint(path.stem for path in PROGRAMS)


@pytest.mark.parametrize("lock", LOCKS, ids=names)
def test_every_requirement_is_pinned_with_its_hashes(lock: Path) -> None:
    """The same packages are measured everywhere, whichever index they come from."""
    lines = [line for line in lock.read_text().splitlines(keepends=True) if not line.startswith("#")]
    pins = re.split(r"\n(?! )", "".join(lines).strip())
    direct = (lock.parent / f"{lock.stem}.in").read_text().split()

    assert [pin for pin in pins if not PIN.fullmatch(pin)] == []
    assert {re.sub(r"\[.*", "", name) for name in direct} <= {re.split(r"\[|==", pin)[0] for pin in pins}


@pytest.mark.parametrize("lock", LOCKS, ids=names)
def test_no_lock_names_an_index_or_a_place_of_this_machine(lock: Path) -> None:
    """Where packages come from is the business of who installs them."""
    text = lock.read_text() + (lock.parent / f"{lock.stem}.in").read_text()

    assert "://" not in text
    assert "--index" not in text
    assert not re.search(r"(^|[\s@=])[/.]+[a-z]+/", text, re.MULTILINE)
