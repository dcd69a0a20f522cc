"""Settings are read once, and refused with a reason."""

from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.settings import Settings, SettingsError, read_settings

NO_FILE = Path("/nonexistent/pulmo.toml")


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    """Three places, one order."""
    file = tmp_path / "pulmo.toml"
    file.write_text("max_batch = 8\nport = 8080\n")

    settings = read_settings({"PULMO_MAX_BATCH": "16", "PATH": "/bin"}, file)

    assert (16, 8080, Settings().max_pixels) == (settings.max_batch, settings.port, settings.max_pixels)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PULMO_MAX_BATCH", "0", "PULMO_MAX_BATCH is '0'. Expected `int` >= 1"),
        ("PULMO_MAX_BATCH", "many", "PULMO_MAX_BATCH is 'many'. Expected `int`"),
        ("PULMO_SERVER", "apache", "PULMO_SERVER is 'apache'. Invalid enum value"),
        ("PULMO_HISTORY", "mysql://x", "PULMO_HISTORY is 'mysql://x'. Expected `str` matching"),
        ("PULMO_HISTORY", "postgres://u:p@ss@h/x", "PULMO_HISTORY is 'postgres://u:***@h/x'. Expected `str` matching"),
        ("PULMO_HISTORY", "pg://h/x?password=p", "PULMO_HISTORY is 'pg://h/x?password=***'. Expected `str` matching"),
        ("PULMO_HOST", "0.0.0.0", "PULMO_INSECURE=true"),
        ("PULMO_WORKERS", "0", "PULMO_WORKERS is '0'. Expected `int` >= 1"),
        ("PULMO_WORKERS", "9", "PULMO_MAX_IN_FLIGHT is 8 and is shared by PULMO_WORKERS=9 processes"),
        ("PULMO_BACKEND", "a:1,,b:2", "PULMO_BACKEND is 'a:1,,b:2': a target is empty or named twice"),
        ("PULMO_BACKEND", "a:1, a:1", "PULMO_BACKEND is 'a:1, a:1': a target is empty or named twice"),
    ],
)
def test_a_wrong_value_is_named_with_its_limit(name: str, value: str, message: str) -> None:
    """Name, value and remedy stand in one sentence."""
    with pytest.raises(SettingsError) as error:
        read_settings({name: value}, NO_FILE)

    assert message in str(error.value)


def test_an_unknown_name_in_the_file_is_refused(tmp_path: Path) -> None:
    """A misspelt setting must not be ignored."""
    file = tmp_path / "pulmo.toml"
    file.write_text("max_bacth = 8\n")

    with pytest.raises(SettingsError, match="max_bacth"):
        read_settings({}, file)


def test_beyond_loopback_needs_a_word() -> None:
    """Who opens the service to others says so."""
    assert read_settings({"PULMO_HOST": "0.0.0.0", "PULMO_INSECURE": "true"}, NO_FILE).host == "0.0.0.0"


def test_several_model_servers_are_named_with_commas() -> None:
    """The order is kept."""
    assert read_settings({"PULMO_BACKEND": "unix:a/s, b:2"}, NO_FILE).targets() == ("unix:a/s", "b:2")


def test_one_process_alone_serves_with_uvicorn() -> None:
    """Both names and both remedies stand there."""
    with pytest.raises(SettingsError, match="PULMO_SERVER=granian, or PULMO_WORKERS=1"):
        read_settings({"PULMO_WORKERS": "2", "PULMO_SERVER": "uvicorn"}, NO_FILE)


def test_workers_share_what_bounds_the_gateway() -> None:
    """The parts are no more than the whole, and a part that must not be nothing is 1."""
    whole = Settings(workers=3, concurrency_limit=100, max_in_flight=3, cache_entries=2, history_queue=9)

    part = whole.of_one_worker(cores=8)

    assert (part.concurrency_limit, part.max_in_flight, part.cache_entries, part.history_queue) == (33, 1, 1, 3)
    assert [whole.of_one_worker(cores).decode_threads for cores in (2, 3, 8)] == [1, 1, 2]
    assert Settings(workers=2, decode_threads=4).of_one_worker(cores=64).decode_threads == 2
    assert Settings(workers=2).of_one_worker(cores=2).cache_entries == 0
    assert Settings().of_one_worker(cores=2) == Settings()


def test_the_command_line_wins_over_the_environment(capsys: pytest.CaptureFixture[str]) -> None:
    """`--workers` is the setting by another way, with the same limits."""
    assert main(["--workers", "none"], {"PULMO_WORKERS": "2"}, NO_FILE) == 2
    assert "PULMO_WORKERS is 'none'. Expected `int`" in capsys.readouterr().err
