"""The disk that holds the history fills up under load, and somebody makes room."""

from contextlib import suppress
from pathlib import Path

import pytest

from tests.disks import small_disk
from tests.resilience.faults import FAULTS
from tests.resilience.system import GATEWAY, operating
from tests.resilience.trial import under_load
from tests.toystore import Store


@pytest.mark.resilience
@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_a_503_until_there_is_room(store: Store, tmp_path: Path, workers: int) -> None:
    """What was acknowledged before is still there, the file is whole, and nothing has to be restarted."""
    with small_disk(tmp_path / "disk") as disk:
        history = f"sqlite:///{disk / 'history.db'}"
        with operating(tmp_path / "system", store.path, workers=workers, history=history) as system:
            gateway = system.family(GATEWAY)
            with under_load(system) as trial:
                with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
                    while True:
                        filler.write(bytes(4096))
                trial.sees(lambda: trial.refused("history-unavailable") > 0, "the disk is full")
                trial.lasts()
                (disk / "filler").unlink()
                trial.steady()
            trial.verify(FAULTS["the disk is full"])
            assert system.family(GATEWAY) == gateway
