"""The command line: what is understood, what is refused, and what the real server is told."""

import pytest

from serving.settings import Settings, SettingsError, flags, parse

BASE = "--model_base_path=/models/lung"


def test_the_defaults_are_those_of_tensorflow_serving() -> None:
    settings, _ = parse([BASE])

    assert (settings.port, settings.file_system_poll_wait_seconds, settings.enable_model_warmup) == (8500, 1, True)
    assert (settings.max_num_load_retries, settings.load_retry_interval_micros) == (5, 60_000_000)


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param([BASE, "--port=9000", "--embedded"], id="with an equals sign"),
        pytest.param(["--model_base_path", "/models/lung", "--port", "9000", "--embedded", "true"], id="with a blank"),
    ],
)
def test_a_flag_may_be_written(argv: list[str]) -> None:
    settings, others = parse(argv)

    assert (settings.model_base_path, settings.port, settings.embedded, others) == ("/models/lung", 9000, True, [])


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        pytest.param([BASE, "--port=eighty"], "--port=eighty is refused: expected `int`; see --help", id="a word"),
        pytest.param(
            [BASE, "--port=70000"], "--port=70000 is refused: expected `int` <= 65535; see --help", id="a high port"
        ),
        pytest.param(
            [BASE, "--enable_model_warmup=perhaps"],
            "--enable_model_warmup=perhaps is refused: expected `bool`; see --help",
            id="neither true nor false",
        ),
        pytest.param(
            [BASE, "--mixed_precision=float16"],
            "--mixed_precision=float16 is refused: invalid enum value 'float16'; see --help",
            id="a precision that is not there",
        ),
        pytest.param(
            [], "--model_base_path= is refused: name the folder that holds the versions of the model", id="no store"
        ),
        pytest.param(
            [BASE, "--port=0"],
            "--port=0 is refused without --grpc_socket_path: name a port or a socket to listen on",
            id="no address",
        ),
    ],
)
def test_a_refusal_names_the_flag_the_value_and_the_remedy(argv: list[str], text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(argv)

    assert str(caught.value) == text


def test_a_relative_base_path_is_refused_with_the_absolute_one() -> None:
    with pytest.raises(SettingsError, match=r"^--model_base_path=models is refused: make it absolute: /.*/models$"):
        parse(["--model_base_path=models"])


def test_a_socket_is_served_beside_the_port_or_instead_of_it() -> None:
    assert parse([BASE, "--grpc_socket_path=/run/s"])[0].addresses == ["0.0.0.0:8500", "unix:/run/s"]
    assert parse([BASE, "--grpc_socket_path=/run/s", "--port=0"])[0].addresses == ["unix:/run/s"]


def test_what_is_not_ours_to_understand_is_left() -> None:
    assert parse([BASE, "--rest_api_port=8501"])[1] == ["--rest_api_port=8501"]


def test_the_real_server_is_told_what_differs_from_its_defaults() -> None:
    settings = Settings(
        model_base_path="/m", port=8500, enable_model_warmup=False, embedded=True, file_system_poll_wait_seconds=0.1
    )

    assert flags(settings) == [
        "--model_base_path=/m",
        "--file_system_poll_wait_seconds=1",
        "--enable_model_warmup=false",
    ]
