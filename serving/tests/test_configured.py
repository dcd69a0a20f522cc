"""A server, a process of its own, whose models are listed in a file, and the official client that reloads them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest
from tensorflow_serving.apis.predict_pb2 import PredictRequest

from serving.tests.official import Official, Untyped, connected, signature_request
from tests import toymodel
from tests.modelserver import MODEL, serving
from tests.processes import eventually

FAST = "--model_config_file_poll_wait_seconds=0.1"
NOT_AVAILABLE = "Request to assign label to version 2 of model lung, which is not currently available for inference"


@dataclass(frozen=True)
class Site:
    """A folder with stores of several models, and the file that lists them."""

    folder: Path
    toys: Path

    @property
    def file(self) -> Path:
        return self.folder / "models.config"

    def add(self, name: str, *versions: int) -> None:
        (self.folder / name).mkdir(exist_ok=True)
        for version in versions:
            toymodel.copy(self.toys / str(version), self.folder / name, version)

    def model(self, name: str, rest: str = "") -> str:
        path = self.folder / name
        return f'config {{ name: "{name}" base_path: "{path}" model_platform: "tensorflow" {rest} }}\n'

    def write(self, *models: str) -> None:
        partial = self.file.with_suffix(".partial")
        partial.write_text(f"model_config_list {{\n{''.join(models)}}}\n")
        partial.rename(self.file)

    def request(self, *models: tuple[str, Path], **labels: int) -> Untyped:
        """Return the request to serve `models`, all versions of each; `labels` are for the first."""
        request = ReloadConfigRequest()
        for name, base_path in models:
            config = request.config.model_config_list.config.add()
            config.name, config.base_path, config.model_platform = name, str(base_path), "tensorflow"
            config.model_version_policy.all.SetInParent()
        for label, version in labels.items():
            request.config.model_config_list.config[0].version_labels[label] = version
        return request

    def lung(self, **labels: int) -> Untyped:
        return self.request((MODEL, self.folder / MODEL), **labels)


@pytest.fixture
def site(tmp_path: Path, toy_versions: Path) -> Site:
    site = Site(tmp_path, toy_versions)
    site.add(MODEL, 1)
    site.write(site.model(MODEL, "model_version_policy { all {} }"))
    return site


@pytest.fixture
def client(site: Site) -> Iterator[Official]:
    flags = (f"--model_config_file={site.file}", "--max_num_load_retries=0")
    with serving(site.folder / MODEL, *flags) as server, connected(server.target) as client:
        yield client


def answers(client: Official, name: str, label: str = "") -> int:
    """Return the version that answers for a model, or for a label of it."""
    request: PredictRequest = signature_request("describe")
    request.model_spec.name = name
    if label:
        request.model_spec.version_label = label
    return int(client.predict(request).model_spec.version.value)


def is_answered(client: Official, name: str, label: str = "") -> bool:
    try:
        return answers(client, name, label) > 0
    except grpc.RpcError:
        return False


def test_a_reload_brings_a_model_and_takes_another_one_away(client: Official, site: Site) -> None:
    """
    It ends when the new model answers.
    """
    site.add("bone", 2)
    reply = client.model.HandleReloadConfigRequest(site.request(("bone", site.folder / "bone")), timeout=60)

    assert (reply.status.error_code, reply.status.error_message) == (0, "")
    assert answers(client, "bone") == 2
    eventually(lambda: not is_answered(client, MODEL), within=30, what="the other model is unloaded")


def test_labels_move_by_reloads_and_only_to_versions_that_serve(client: Official, site: Site) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        client.model.HandleReloadConfigRequest(site.lung(stable=2), timeout=60)
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.FAILED_PRECONDITION, NOT_AVAILABLE)

    client.model.HandleReloadConfigRequest(site.lung(stable=1), timeout=60)
    assert answers(client, MODEL, "stable") == 1
    site.add(MODEL, 2)
    eventually(lambda: answers(client, MODEL) == 2, within=60, what="version 2 serves")
    client.model.HandleReloadConfigRequest(site.lung(stable=1, canary=2), timeout=60)

    assert (answers(client, MODEL, "stable"), answers(client, MODEL, "canary")) == (1, 2)
    client.model.HandleReloadConfigRequest(site.lung(stable=2), timeout=60)
    assert answers(client, MODEL, "stable") == 2
    assert not is_answered(client, MODEL, "canary")


def test_a_reload_of_a_broken_model_tells_its_error(client: Official, site: Site) -> None:
    (site.folder / "bone" / "3").mkdir(parents=True)
    request = site.request((MODEL, site.folder / MODEL), ("bone", site.folder / "bone"))
    with pytest.raises(grpc.RpcError) as caught:
        client.model.HandleReloadConfigRequest(request, timeout=60)

    assert caught.value.code() == grpc.StatusCode.UNKNOWN
    text = "1 servable(s) did not become available: {{{name: bone version: 3} due to error: "
    assert text in str(caught.value.details())
    assert answers(client, MODEL) == 1


def test_a_reload_that_waits_for_a_model_without_versions_ends_with_its_deadline(client: Official, site: Site) -> None:
    request = site.request((MODEL, site.folder / MODEL), ("bone", site.folder / "bone"))
    with pytest.raises(grpc.RpcError) as caught:
        client.model.HandleReloadConfigRequest(request, timeout=1)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    site.add("bone", 1)

    eventually(lambda: is_answered(client, "bone"), within=60, what="the model is served all the same")


def test_a_configuration_that_is_no_list_is_refused(client: Official) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        client.model.HandleReloadConfigRequest(ReloadConfigRequest(), timeout=60)

    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == (
        "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported"
    )


def test_the_file_is_read_again_and_a_mistake_in_it_changes_nothing(site: Site) -> None:
    flags = (f"--model_config_file={site.file}", FAST)
    with serving(site.folder / MODEL, *flags) as server, connected(server.target) as client:
        site.file.write_text("model_config_list {")
        eventually(lambda: "configuration refused" in server.running.output(), within=30, what="the mistake is logged")
        assert answers(client, MODEL) == 1
        site.add("bone", 2)
        site.write(site.model(MODEL, 'version_labels { key: "stable" value: 1 }'), site.model("bone"))
        eventually(lambda: is_answered(client, "bone"), within=60, what="the new model serves")

        assert answers(client, MODEL, "stable") == 1
        assert server.running.output().count("configuration refused") == 1
