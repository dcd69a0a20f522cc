"""The arithmetic of the report."""

import math

import pytest

from loadtests.bench.figures import Row, ratio, summarise
from loadtests.bench.limits import Setting, settings
from loadtests.bench.machine import file_name
from loadtests.bench.parts.overload import judge
from loadtests.bench.parts.peers import compare
from loadtests.bench.report import as_table, as_text
from loadtests.samples import Sample, percentile


def row(name: str, connections: int, number: int, rate: float) -> Row:
    return Row(name, connections, number, {"rate": rate})


def test_a_ratio_is_taken_within_each_round() -> None:
    """
    A machine that halves its speed for a round changes no ratio, though it changes each median.
    """
    rows = [row("gateway", 32, number, rate) for number, rate in enumerate((90, 45, 95))]
    rows += [row("limit", 0, number, rate) for number, rate in enumerate((100, 50, 100))]

    assert ratio(rows, ("gateway", 32), ("limit", 0)) == 0.9


def test_what_was_measured_twice_in_a_round_counts_with_its_mean() -> None:
    """
    The limit is measured before and after the service, and the service stands against both.
    """
    rows = [row("limit", 0, 0, 80), row("gateway", 32, 0, 90), row("limit", 0, 0, 120)]

    assert ratio(rows, ("gateway", 32), ("limit", 0)) == 0.9


def test_rounds_in_which_one_was_missing_do_not_count() -> None:
    """
    A ratio needs both in one round, and is none where they never met.
    """
    rows = [row("a", 1, 0, 10), row("b", 1, 1, 20), row("a", 1, 2, 30), row("b", 1, 2, 60)]

    assert ratio(rows, ("a", 1), ("b", 1)) == 0.5
    assert ratio(rows[:2], ("a", 1), ("b", 1)) is None


def test_lines_hold_the_medians_and_the_spread() -> None:
    """
    A line for each thing and number of connections: medians over the rounds, and the lowest and highest rate.
    """
    rows = [row("a", 8, number, rate) for number, rate in enumerate((3, 1, 2))]

    (line,) = summarise(rows)

    assert (line.median, line.spread, line.rounds) == ({"rate": 2}, (1, 3), 3)


@pytest.mark.parametrize(("percent", "wanted"), [(50, 50), (90, 90), (99, 99), (100, 100), (0, 1)])
def test_a_percentile_is_one_of_the_values(percent: float, wanted: float) -> None:
    """
    Of 1 to 100, percentile p is p: the nearest rank, with nothing between two values invented.
    """
    assert percentile(range(100, 0, -1), percent) == wanted


def test_a_percentile_of_nothing_is_no_number() -> None:
    """
    Where no request was answered there is no latency, and the table has a dash.
    """
    assert math.isnan(percentile([], 99))
    assert as_text(percentile([], 99)) == "-"


def test_goodput_counts_predictions_while_the_load_lasted() -> None:
    """
    Goodput leaves out the first tenth of the time and what was answered after the load had ended.
    """
    samples = [Sample(number / 10, 0.05, 200, b"") for number in range(100)]
    samples += [Sample(9.99, 2.0, 200, b""), Sample(5.0, 0.002, 429, b""), Sample(0.5, 3.0, 503, b"")]

    found = judge(samples, 10)

    assert found["goodput"] == pytest.approx(10)
    assert found["refusal p99"] == pytest.approx(2)
    assert found["accepted p50"] == pytest.approx(50)


def test_ours_is_held_against_the_best_peer_and_against_fastapi() -> None:
    """
    Which peer is the best is decided by the medians; the ratios are taken round by round.
    """
    rows = [row("pulmo, plain", 32, 0, 120), row("fastapi_keras", 32, 0, 10), row("litserve", 32, 0, 100)]

    assert compare(rows, ["fastapi_keras", "litserve"]) == [
        "pulmo, plain / best peer litserve at 32 connections: 1.20",
        "pulmo, plain / fastapi_keras at 32 connections: 12.00",
    ]


def test_cells_keep_three_digits() -> None:
    """
    Numbers are as short as they can be told: three digits that count, none of the whole number lost.
    """
    table = as_table(("a", "b", "c"), [(1234.56, 0.01234, None), (99.94, 3, "x")])

    assert table.splitlines()[2:] == ["| 1235 | 0.0123 | - |", "| 99.9 | 3 | x |"]


@pytest.mark.parametrize("cores", [1, 2, 16])
def test_the_search_tries_each_setting_once_and_uses_all_cores(cores: int) -> None:
    """
    No setting twice, and each one can keep every core busy.
    """
    tried = list(settings(cores))

    assert len(tried) == len(set(tried))
    assert all(setting.intra * setting.callers >= cores for setting in tried)


def test_a_setting_is_read_as_it_is_given() -> None:
    """
    `--limit 1,2,0,32` are threads of an operation, callers, decoders and batch.
    """
    assert Setting.parse("1,2,0,32") == Setting(intra=1, callers=2, decoders=0, batch=32)


def test_a_report_is_called_after_date_processor_and_cores() -> None:
    """
    The name of a report tells the machine by its processor, and no host.
    """
    machine = {"date": "2026-11-24", "cpu": "Intel(R) Xeon(R) CPU @ 2.70GHz", "cores": 2}

    assert file_name(machine) == "2026-11-24-intel-xeon-2"
