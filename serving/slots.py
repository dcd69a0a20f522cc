"""What is known of one version of a model: its state, its model, who uses it, and how its loads went."""

from dataclasses import dataclass

from proto import tfserving_pb2 as pb
from serving.errors import ServingError
from serving.prediction import Model
from serving.store import Fingerprint

LOADING = pb.ModelVersionStatus.LOADING
AVAILABLE, UNLOADING, END = (
    pb.ModelVersionStatus.AVAILABLE,
    pb.ModelVersionStatus.UNLOADING,
    pb.ModelVersionStatus.END,
)


@dataclass
class Slot:
    """One version, from its first load on; whoever touches it holds the lock of its `Versions`."""

    state: pb.ModelVersionStatus.State = LOADING
    model: Model | None = None
    calls: int = 0
    """Calls that use the model now; it is freed after the last."""
    failures: int = 0
    """Attempts to load it that failed since it was last aspired, or last changed."""
    error: ServingError | None = None
    """What its last load failed with; kept for GetModelStatus until a load succeeds."""
    due: float = 0.0
    """The time of the clock, in seconds, before which no other attempt is made."""
    tried: Fingerprint = frozenset()
    """Its content when its last load began."""
    seen: Fingerprint = frozenset()
    """Its content at the last look after a load that failed."""

    def status(self, version: int) -> pb.ModelVersionStatus:
        """Return what GetModelStatus tells; the error only of a version whose loads have ended."""
        error = self.error if self.state == END else None
        status = pb.ModelVersionStatus.Status(
            error_code=error.number if error else 0, error_message=error.text if error else ""
        )
        return pb.ModelVersionStatus(version=version, state=self.state, status=status)

    def may_load(self, now: float) -> bool:
        """Whether another load may be tried."""
        if self.state == LOADING:
            return now >= self.due
        return self.state == END and not self.failures

    @property
    def has_failed(self) -> bool:
        """Whether its loads have failed for good, unless its content changes."""
        return self.state == END and self.failures > 0

    def dismiss(self) -> None:
        """Forget attempts, since the version is not aspired any more; one that is served is not touched."""
        self.failures = 0
        if self.state == LOADING:
            self.state = END

    def note_success(self, model: Model) -> None:
        """Serve `model` from now on."""
        self.model, self.error, self.failures, self.state = model, None, 0, AVAILABLE

    def note_failure(self, error: ServingError, content: Fingerprint, *, retries: int, due: float) -> None:
        """Wait until `due` for another attempt, or give up after `retries` of them; `content` is what was tried."""
        self.error, self.tried, self.due = error, content, due
        self.failures += 1
        self.state = LOADING if self.failures <= retries else END

    def note_content(self, content: Fingerprint) -> bool:
        """Return whether its content has changed since its load failed, and no longer changes: it is then tried anew.

        Content that changes from one look to the next is still being written; none at all is a folder that has gone.
        """
        settled = content == self.seen
        self.seen = content
        if settled and content and content != self.tried:
            self.failures, self.due = 0, 0.0
            return True
        return False

    @property
    def is_drained(self) -> bool:
        """Whether it is to be unloaded, and no call uses it any more; no call ever will."""
        return self.state == UNLOADING and not self.calls

    def note_unloaded(self) -> None:
        """Serve no more."""
        self.model, self.state = None, END
