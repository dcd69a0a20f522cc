"""All models of the server: which are configured, what their labels mean, and who is asked (`server_core.cc` there)."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import grpc

from proto import tfserving_pb2 as pb
from serving.configuration import ModelSettings, Rules, check
from serving.errors import ServingError, invalid, not_found, status_code
from serving.prediction import Model
from serving.slots import AVAILABLE
from serving.statistics import Statistics
from serving.versions import Versions

_HEED = 0.5
"""Seconds after which somebody who waits for models looks whether that is still wanted."""


class Borrowed(NamedTuple):
    """A version that is lent to a call."""

    name: str
    version: int
    model: Model


class Models:
    """The models of one server; every method is for any thread.

    Args:
        load: takes a version's folder.
        rules: hold for every model.
        start: called with each model that was never there before, to have it refreshed from now on; a model that is
            configured no longer is to be refreshed on, as it may come back.
        changed: called, without any lock, when the state of a version has changed.
        label_unavailable: whether a label that is new or stays as it is may name a version that is not available.
    """

    def __init__(
        self,
        load: Callable[[Path], Model],
        rules: Rules,
        *,
        start: Callable[[Versions], None],
        changed: Callable[[], None] = lambda: None,
        label_unavailable: bool = False,
    ) -> None:
        self._load = load
        self._rules = rules
        self._start = start
        self._on_change = changed
        self._label_unavailable = label_unavailable
        self._configuring = threading.Lock()
        self._changed = threading.Condition()
        self._versions: Mapping[str, Versions] = {}
        """Every model ever configured; like the next two replaced as a whole, so that readers need no lock."""
        self._configured: Mapping[str, ModelSettings] = {}
        self._labels: Mapping[str, Mapping[str, int]] = {}

    @contextmanager
    def borrow(self, spec: pb.ModelSpec | None) -> Iterator[Borrowed]:
        """Lend the version that `spec` names by number or label, else the latest, until the end of the context.

        Raises:
            ServingError: INVALID_ARGUMENT for a spec that is missing or has no name, or an unknown label; NOT_FOUND for
                a model or version that is not available.
        """
        if spec is None:
            raise invalid("Missing ModelSpec")
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        wanted = self._version(spec)
        versions = self._versions.get(spec.name)
        if versions is None:
            raise not_found(spec.name, wanted)
        with versions.borrow(wanted) as (version, model):
            yield Borrowed(spec.name, version, model)

    def statuses(self, name: str, version: int | None = None) -> list[pb.ModelVersionStatus]:
        """Return the state of each version of a model, or of one, the highest first.

        Raises:
            ServingError: NOT_FOUND, none was ever seen.
        """
        known = self._versions[name].statuses() if name in self._versions else []
        found = [status for status in known if version is None or status.version == version]
        if not found:
            what = "any versions" if version is None else f"version {version}"
            raise ServingError(grpc.StatusCode.NOT_FOUND, f"Could not find {what} of model {name}")
        return found

    def labels(self, name: str) -> Mapping[str, int]:
        """Return the versions of a model that have a label, by label."""
        return self._labels.get(name, {})

    def statistics(self) -> list[Statistics]:
        """Return how each configured model is doing."""
        return [self._versions[name].statistics() for name in sorted(self._configured)]

    def configure(self, config: pb.ModelServerConfig) -> list[str]:
        """Serve the models of `config` and no others, and return the names of those that were not configured before.

        Labels hold at once, all else from the next look at the base paths on. A configuration that is refused changes
        nothing.

        Raises:
            ServingError: it is refused; FAILED_PRECONDITION for a label on a version that is not available.
        """
        with self._configuring:
            models = {model.name: model for model in check(config, self._configured.keys())}
            for model in models.values():
                self._check_labels(model)
            known = dict(self._versions)
            fresh = [self._make(model) for name, model in models.items() if name not in known]
            new = [name for name in models if name not in self._configured]
            gone = self._configured.keys() - models.keys()
            moved = [model for name, model in models.items() if name in known and self._configured.get(name) != model]
            self._versions = {**known, **{versions.name: versions for versions in fresh}}
            self._labels = {name: dict(model.labels) for name, model in models.items()}
            self._configured = models
            for name in gone:
                known[name].aim(None)
            for model in moved:
                known[model.name].aim(model)
            for versions in fresh:
                self._start(versions)
        return new

    def settled(self, names: Iterable[str]) -> bool:
        """Return whether each of the models serves a version, or has failed for good.

        Raises:
            ServingError: UNKNOWN, they have settled, but not all of them serve.
        """
        outcomes = {name: self._versions[name].outcome() for name in names}
        if None in outcomes.values():
            return False
        failed = [name for name, outcome in outcomes.items() if outcome == "failed"]
        if failed:
            text = "".join(f"{{{self._failure(name)}}}, " for name in failed)
            message = f"{len(failed)} servable(s) did not become available: {{{text}}}"
            raise ServingError(grpc.StatusCode.UNKNOWN, message)
        return True

    def wait_for(self, names: Iterable[str], ensure_wanted: Callable[[], None]) -> None:
        """Return when each of the models serves; `ensure_wanted` is called now and then, and may raise.

        Raises:
            ServingError: UNKNOWN, some of the models failed for good; or what `ensure_wanted` raises.
        """
        names = list(names)
        with self._changed:
            while not self.settled(names):
                ensure_wanted()
                self._changed.wait(_HEED)

    def _version(self, spec: pb.ModelSpec) -> int | None:
        if spec.HasField("version"):
            return spec.version.value
        if not spec.HasField("version_label"):
            return None
        version = self._labels.get(spec.name, {}).get(spec.version_label)
        if version is None:
            raise invalid(f"Unrecognized servable version label: {spec.version_label}")
        return version

    def _make(self, model: ModelSettings) -> Versions:
        return Versions(model, self._load, self._rules, changed=self._notify)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()
        self._on_change()

    def _check_labels(self, model: ModelSettings) -> None:
        statuses = self._versions[model.name].statuses() if model.name in self._versions else []
        available = {status.version for status in statuses if status.state == AVAILABLE}
        for label, version in model.labels.items():
            moves = self._labels.get(model.name, {}).get(label, version) != version
            if version not in available and (moves or not self._label_unavailable):
                raise ServingError(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"Request to assign label to version {version} of model {model.name}, "
                    "which is not currently available for inference",
                )

    def _failure(self, name: str) -> str:
        """Return what the newest version of a model failed with, as `core/load_servables_fast.cc` writes it."""
        status = next(status for status in self._versions[name].statuses() if status.status.error_code)
        code = status_code(status.status.error_code).name
        return f"{{name: {name} version: {status.version}}} due to error: {code}: {status.status.error_message}"
