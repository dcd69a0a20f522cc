"""Several models in memory under one roof: who is asked, what labels mean, and how a configuration changes."""

from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest

from proto import tfserving_pb2 as pb
from serving.configuration import Rules
from serving.errors import ServingError
from serving.models import Models
from serving.tests.memory import MemoryModel, MemoryStore
from serving.versions import Versions

Policy = pb.FileSystemStoragePathSourceConfig.ServableVersionPolicy
PRECONDITION, INVALID, MISSING = (
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
)


class Shelf:
    """Stores of several models below one folder, and the models that serve them when the test says so."""

    def __init__(self, folder: Path, *, label_unavailable: bool = False) -> None:
        self.stores = {name: MemoryStore(folder / name) for name in ("lung", "bone")}
        self.watched: list[Versions] = []
        self.models = Models(
            self.load, Rules(retries=0), start=self.watched.append, label_unavailable=label_unavailable
        )

    def load(self, path: Path) -> MemoryModel:
        return self.stores[path.parent.name].load(path)

    def refresh(self) -> None:
        for versions in self.watched:
            versions.refresh()

    def model(self, name: str = "lung", policy: Policy | None = None, **labels: int) -> pb.ModelConfig:
        return pb.ModelConfig(
            name=name,
            base_path=str(self.stores[name].base_path),
            model_platform="tensorflow",
            model_version_policy=policy,
            version_labels=labels,
        )

    def configure(self, *models: pb.ModelConfig) -> list[str]:
        return self.models.configure(listing(models))

    def served(self, name: str = "lung", version: int | None = None, label: str = "") -> int:
        spec = pb.ModelSpec(name=name)
        if version is not None:
            spec.version.value = version
        if label:
            spec.version_label = label
        with self.models.borrow(spec) as borrowed:
            assert borrowed.name == name
            return borrowed.version


def listing(models: Sequence[pb.ModelConfig]) -> pb.ModelServerConfig:
    return pb.ModelServerConfig(model_config_list=pb.ModelConfigList(config=models))


def specific(*versions: int) -> Policy:
    return Policy(specific=Policy.Specific(versions=versions))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    shelf = Shelf(tmp_path)
    shelf.stores["lung"].add(1, 2)
    shelf.stores["bone"].add(7)
    return shelf


def test_each_model_is_asked_by_its_name(shelf: Shelf) -> None:
    assert shelf.configure(shelf.model(), shelf.model("bone")) == ["lung", "bone"]
    shelf.refresh()

    assert (shelf.served("lung"), shelf.served("bone")) == (2, 7)


def test_an_unreadable_base_path_concerns_its_own_model_only(shelf: Shelf) -> None:
    """
    TensorFlow Serving does nothing for any model then.
    """
    shelf.configure(shelf.model(), shelf.model("bone"))
    shelf.refresh()
    shelf.stores["bone"].base_path.rename(shelf.stores["bone"].base_path.with_name("away"))
    shelf.stores["lung"].add(3)
    shelf.refresh()

    assert (shelf.served("lung"), shelf.served("bone")) == (3, 7)
    assert {model.name: model.readable for model in shelf.models.statistics()} == {"bone": False, "lung": True}


def test_a_label_stands_for_its_version(shelf: Shelf) -> None:
    shelf.configure(shelf.model(policy=specific(1, 2)))
    shelf.refresh()
    shelf.configure(shelf.model(policy=specific(1, 2), stable=1, old=1, canary=2))

    assert [shelf.served(label=label) for label in ("stable", "old", "canary")] == [1, 1, 2]
    assert shelf.models.labels("lung") == {"stable": 1, "old": 1, "canary": 2}
    assert shelf.models.labels("bone") == {}


@pytest.mark.parametrize(
    ("name", "version", "label", "code", "text"),
    [
        pytest.param("m", None, "", MISSING, "Servable not found for request: Latest(m)", id="an unknown model"),
        pytest.param("m", 7, "", MISSING, "Servable not found for request: Specific(m, 7)", id="a version of it"),
        pytest.param("m", None, "x", INVALID, "Unrecognized servable version label: x", id="a label of it"),
        pytest.param("lung", 1, "", MISSING, "Servable not found for request: Specific(lung, 1)", id="an old version"),
        pytest.param("lung", None, "x", INVALID, "Unrecognized servable version label: x", id="an unknown label"),
        pytest.param("", None, "", INVALID, "ModelSpec has no name specified.", id="no name"),
    ],
)
def test_it_is_an_error_to_ask_for(
    shelf: Shelf, name: str, version: int | None, label: str, code: grpc.StatusCode, text: str
) -> None:
    shelf.configure(shelf.model())
    shelf.refresh()

    with pytest.raises(ServingError) as caught:
        shelf.served(name, version, label)

    assert (caught.value.code, caught.value.text) == (code, text)


def test_it_is_an_error_to_ask_for_nothing(shelf: Shelf) -> None:
    with pytest.raises(ServingError, match=r"^Missing ModelSpec$"), shelf.models.borrow(None):
        pass


def test_a_label_on_a_version_that_is_not_available_is_refused_and_changes_nothing(shelf: Shelf) -> None:
    shelf.configure(shelf.model())
    shelf.refresh()
    with pytest.raises(ServingError, match="Request to assign label to version 1"):
        shelf.configure(shelf.model(stable=1))
    shelf.configure(shelf.model(stable=2))

    with pytest.raises(ServingError) as caught:
        shelf.configure(shelf.model(stable=1), shelf.model("bone"))

    assert caught.value.code == PRECONDITION
    assert caught.value.text == (
        "Request to assign label to version 1 of model lung, which is not currently available for inference"
    )
    assert shelf.served(label="stable") == 2
    assert [model.name for model in shelf.models.statistics()] == ["lung"]


def test_a_label_may_go_ahead_of_its_version_on_demand_but_not_move_there(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, label_unavailable=True)
    shelf.stores["lung"].add(1)
    shelf.configure(shelf.model(stable=1, canary=2))
    shelf.refresh()
    assert shelf.served(label="stable") == 1
    with pytest.raises(ServingError, match=r"^Servable not found for request: Specific\(lung, 2\)$"):
        shelf.served(label="canary")
    shelf.configure(shelf.model(stable=1, canary=2))

    with pytest.raises(ServingError, match="Request to assign label to version 3 of model lung"):
        shelf.configure(shelf.model(stable=1, canary=3))


def test_a_model_that_is_not_listed_any_more_is_unloaded_and_may_come_back(shelf: Shelf) -> None:
    shelf.configure(shelf.model(), shelf.model("bone"))
    shelf.refresh()
    assert shelf.configure(shelf.model()) == []
    shelf.refresh()
    with pytest.raises(ServingError, match=r"^Servable not found for request: Latest\(bone\)$"):
        shelf.served("bone")
    assert [status.state for status in shelf.models.statuses("bone")] == [pb.ModelVersionStatus.END]

    assert shelf.configure(shelf.model(), shelf.model("bone")) == ["bone"]
    assert not shelf.models.settled(["bone"])
    shelf.refresh()

    assert shelf.models.settled(["bone"])
    assert shelf.served("bone") == 7
    assert len(shelf.watched) == 2


def test_another_policy_goes_back_to_a_smaller_version(shelf: Shelf) -> None:
    shelf.configure(shelf.model())
    shelf.refresh()
    shelf.configure(shelf.model(policy=specific(1)))
    shelf.refresh()

    assert shelf.served() == 1


def test_another_base_path_loads_no_number_again(shelf: Shelf) -> None:
    """
    As with TensorFlow Serving a version is known by its number alone.
    """
    shelf.configure(shelf.model())
    shelf.refresh()
    moved = shelf.model()
    moved.base_path = str(shelf.stores["lung"].base_path.rename(shelf.stores["lung"].base_path.with_name("moved")))
    shelf.configure(moved)
    shelf.refresh()

    assert shelf.stores["lung"].loads == [2]
    assert shelf.models.statistics()[0].base_path.name == "moved"


def test_a_configuration_that_is_refused_changes_nothing(shelf: Shelf) -> None:
    shelf.configure(shelf.model())
    shelf.refresh()
    with pytest.raises(ServingError, match="multiple times"):
        shelf.configure(shelf.model("bone"), shelf.model("bone"))
    shelf.refresh()

    assert shelf.served() == 2
    assert [model.name for model in shelf.models.statistics()] == ["lung"]


def test_models_that_failed_are_named_with_their_errors(shelf: Shelf) -> None:
    shelf.stores["lung"].broken |= {1, 2}
    new = shelf.configure(shelf.model(), shelf.model("bone"))
    shelf.refresh()

    with pytest.raises(ServingError) as caught:
        shelf.models.wait_for(new, lambda: None)

    assert caught.value.code == grpc.StatusCode.UNKNOWN
    assert caught.value.text == (
        "1 servable(s) did not become available: "
        "{{{name: lung version: 2} due to error: DATA_LOSS: version 2 is broken}, }"
    )


def test_who_waits_for_models_may_leave(shelf: Shelf) -> None:
    new = shelf.configure(shelf.model())

    def leave() -> None:
        raise ServingError(grpc.StatusCode.CANCELLED, "gone")

    with pytest.raises(ServingError, match="gone"):
        shelf.models.wait_for(new, leave)
