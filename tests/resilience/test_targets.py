"""Several model servers: they are lost one after the other, while the others answer."""

from pathlib import Path

import pytest

from tests.resilience.faults import FAULTS
from tests.resilience.system import System, operating, server
from tests.resilience.trial import under_load
from tests.toystore import Store

READY = "gateway_model_server_ready"


def taking_part(system: System) -> float:
    """Return how many model servers take part."""
    return system.gateway.total(READY)


@pytest.mark.resilience
def test_each_of_several_model_servers_may_be_lost_and_none_is_missed(store: Store, tmp_path: Path) -> None:
    """One after the other is killed, as soon as the one before takes part again."""
    with operating(tmp_path / "system", store.path, servers=2) as system:
        with under_load(system) as trial:
            for number in (0, 1, 0):
                trial.sees(lambda: taking_part(system) == 2, "both take part")
                system.kill(server(number))
                trial.sees(lambda: taking_part(system) == 1, "the loss is noticed")
                trial.steady()
            trial.sees(lambda: taking_part(system) == 2, "both take part again")
            trial.steady()
        trial.verify(FAULTS["one of several model servers is killed"])


@pytest.mark.resilience
def test_when_all_of_several_model_servers_are_lost_the_first_one_back_answers(store: Store, tmp_path: Path) -> None:
    """Meanwhile clients are told to come again."""
    with operating(tmp_path / "system", store.path, servers=2) as system:
        with under_load(system) as trial:
            for number in (0, 1):
                system.kill(server(number))
            trial.sees(lambda: trial.refused("model-unavailable") > 0, "the loss shows")
            trial.steady()
            trial.sees(lambda: taking_part(system) == 2, "both take part again")
            trial.steady()
        trial.verify(FAULTS["the model server is killed"])


@pytest.mark.resilience
def test_one_of_several_model_servers_that_is_paused_does_not_stop_the_others(store: Store, tmp_path: Path) -> None:
    """The calls that it holds end at their deadline; all else is answered by the other."""
    with operating(tmp_path / "system", store.path, servers=2) as system:
        with under_load(system) as trial:
            with system.paused(server(0)):
                trial.steady()
            trial.steady()
        trial.verify(FAULTS["one of several model servers is paused"])
