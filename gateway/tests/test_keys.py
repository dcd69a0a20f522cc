"""What is a key, what it opens, and where keys come from."""

import re
import subprocess
from pathlib import Path

import pytest

from gateway.access.keys import KeysError, Scope, find, new_key, read_keys
from gateway.access.scopes import scope_of
from gateway.settings import Settings, SettingsError, read_settings
from tests.processes import PYTHON, ROOT

NO_FILE = Path("/nonexistent/pulmo.toml")
CLIENT, CLIENT_KEY = new_key("scanner-3", ["predict"])
_, OPERATOR_KEY = new_key("ward", ["operate"])


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/predict/", "predict"),
        ("POST", "//predict", "predict"),
        ("POST", "/v2/models/lung/infer", "predict"),
        ("POST", "/v2/models/lung/versions/3/infer", "predict"),
        ("GET", "/predict", "operate"),
        ("DELETE", "/health", "operate"),
        ("GET", "/health/../history", "operate"),
        ("GET", "/problems/../history", "operate"),
        ("GET", "/healthy", "operate"),
        ("PUT", "/models", "operate"),
        ("GET", "/models/route", "operate"),
        ("POST", "/v2/models/lung/infer/../../x", "operate"),
        ("BREW", "/", "operate"),
    ],
)
def test_a_path_is_opened_by_its_whole_spelling(method: str, path: str, scope: Scope) -> None:
    """What merely begins like an open path is closed."""
    assert scope_of(method, path) == scope


def test_a_key_is_found_among_others_and_no_other_string_is() -> None:
    """The entry in the list is not enough to use it."""
    keys = read_keys(f"{OPERATOR_KEY.line()}\n\n# the scanner in room 3\n{CLIENT_KEY.line()}  # since May\n")

    assert keys == (OPERATOR_KEY, CLIENT_KEY)
    assert find(keys, CLIENT.encode()) == CLIENT_KEY
    assert {find(keys, other) for other in (b"", b"x", CLIENT_KEY.digest, CLIENT_KEY.line().encode())} == {None}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("secret-canary", "entry 1 has 1 parts"),
        ("a:predict:secret-canary", "entry 1 does not end in 64 hexadecimal digits"),
        (f"a:secret-canary:{'0' * 64}", "the scopes in entry 1"),
        (f"a:predict,:{'0' * 64}", "the scopes in entry 1"),
        (f"a:predict,predict:{'0' * 64}", "the scopes in entry 1"),
        (f"a/b-secret-canary:predict:{'0' * 64}", "the name in entry 1"),
        ("\n".join(f"a:predict:{'0' * 64}" for _ in range(257)), "there are 257 keys; the limit is 256"),
    ],
)
def test_a_wrong_entry_is_named_by_its_number(entry: str, message: str) -> None:
    """It is not shown: it may be a key that was pasted by mistake."""
    with pytest.raises(KeysError, match=re.escape(message)) as error:
        read_keys(entry)

    assert "secret-canary" not in str(error.value)
    with pytest.raises(SettingsError) as refused:
        read_settings({"PULMO_API_KEYS": entry}, NO_FILE)
    assert "secret-canary" not in str(refused.value)


def test_the_command_makes_a_key_that_its_line_admits() -> None:
    """The line goes to standard output, so that it can be appended to a file; the key is shown beside it."""
    ended = subprocess.run(
        [PYTHON, "-m", "gateway", "key", "lab", "--scope", "predict", "--scope", "operate"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    [key] = read_keys(ended.stdout)

    assert (key.name, sorted(key.scopes)) == ("lab", ["operate", "predict"])
    assert find([key], ended.stderr.strip().encode()) == key
    assert ended.stderr.strip() not in ended.stdout


def test_with_keys_the_gateway_may_be_reached_by_others() -> None:
    """Without any it listens on loopback alone; a list that holds none is refused, not taken for an open door."""
    there = {"PULMO_HOST": "0.0.0.0"}

    assert read_settings({**there, "PULMO_API_KEYS": CLIENT_KEY.line()}, NO_FILE).host == "0.0.0.0"
    for keys in (" ", "# none"):
        with pytest.raises(SettingsError, match="holds no key"):
            read_settings({"PULMO_API_KEYS": keys}, NO_FILE)


def test_secrets_come_from_files_and_are_not_shown(tmp_path: Path) -> None:
    """`PULMO_X_FILE` gives the value of `PULMO_X`; where both are set nobody guesses."""
    keys, history = tmp_path / "keys", tmp_path / "history"
    keys.write_text(CLIENT_KEY.line() + "\n")
    history.write_text("sqlite:///secret-canary.db\n")
    environment = {"PULMO_API_KEYS_FILE": str(keys), "PULMO_HISTORY_FILE": str(history)}

    settings = read_settings(environment, NO_FILE)

    assert (settings.api_keys, settings.history) == (CLIENT_KEY.line(), "sqlite:///secret-canary.db")
    assert CLIENT_KEY.line() not in repr(settings)
    with pytest.raises(SettingsError, match="PULMO_HISTORY and PULMO_HISTORY_FILE are both set"):
        read_settings({**environment, "PULMO_HISTORY": "sqlite:///x"}, NO_FILE)
    with pytest.raises(SettingsError, match=r"PULMO_API_KEYS_FILE is .* cannot be read: No such file"):
        read_settings({"PULMO_API_KEYS_FILE": str(tmp_path / "none")}, NO_FILE)
    for url in (
        "mysql://me:secret-canary@host/x",
        "mysql://me:a@secret-canary@host/x",
        "mysql://me:a/secret-canary@host/x",
        "mysql://host/x?password=secret-canary",
        "secret-canary",
    ):
        with pytest.raises(SettingsError, match="PULMO_HISTORY is") as error:
            read_settings({"PULMO_HISTORY": url}, NO_FILE)
        assert "secret-canary" not in str(error.value)
        assert "secret-canary" not in repr(Settings(history=url))
