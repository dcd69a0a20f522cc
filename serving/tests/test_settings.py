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
        pytest.param(
            [BASE, "--model_config_file_poll_wait_seconds=5"],
            "--model_config_file_poll_wait_seconds=5 is refused: there is no --model_config_file to read again",
            id="no file to read again",
        ),
        pytest.param(
            [BASE, "--tensorflow_session_parallelism=2", "--tensorflow_inter_op_parallelism=1"],
            "--tensorflow_session_parallelism=2 is refused: it says the same as --tensorflow_intra_op_parallelism and "
            "--tensorflow_inter_op_parallelism: give it or the other two",
            id="parallelism twice",
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
    assert parse([BASE, "--enable_profiler=false"])[1] == ["--enable_profiler=false"]


def test_the_real_server_is_told_what_differs_from_its_defaults() -> None:
    settings = Settings(
        model_base_path="/m",
        port=8500,
        enable_model_warmup=False,
        file_system_poll_wait_seconds=0.1,
        embedded=True,
        fall_back_to_older_versions=False,
        retry_changed_versions=False,
        servable_versions_always_present=False,
        verify_checksums=False,
    )

    assert flags(settings) == [
        "--model_base_path=/m",
        "--file_system_poll_wait_seconds=1",
        "--enable_model_warmup=false",
    ]


@pytest.mark.parametrize(("given", "told"), [(0.1, "1"), (2.6, "3"), (0.0, "0"), (-0.1, "-1"), (-1.0, "-1")])
def test_the_real_server_is_told_whole_seconds(given: float, told: str) -> None:
    settings = Settings(model_base_path="/m", file_system_poll_wait_seconds=given)

    assert flags(settings)[1:] == [f"--file_system_poll_wait_seconds={told}"]


def test_a_configuration_file_needs_no_model() -> None:
    assert parse(["--model_config_file=models.config"])[0].models == "models.config"


def test_one_number_may_stand_for_both_kinds_of_threads() -> None:
    settings, _ = parse([BASE, "--tensorflow_session_parallelism=3"])

    assert (settings.intra_op, settings.inter_op) == (3, 3)


def test_the_version_needs_no_model() -> None:
    assert parse(["--version"])[0].version


@pytest.mark.parametrize(
    ("flags", "rounds"),
    [
        pytest.param([], 1, id="once"),
        pytest.param(["--num_request_iterations_for_warmup=3"], 3, id="as often as asked for"),
        pytest.param(["--enable_model_warmup=false", "--num_request_iterations_for_warmup=3"], 0, id="never"),
    ],
)
def test_a_warmup_record_is_replayed(flags: list[str], rounds: int) -> None:
    assert parse([BASE, *flags])[0].warmup_rounds == rounds
