"""What can go wrong between a program and the gateway.

ClientError
├── GatewayProblem
├── Unreachable
│   └── Broken
└── NotUnderstood
"""

import msgspec


class ProblemDocument(msgspec.Struct, frozen=True):
    """An error as the gateway tells it (RFC 9457)."""

    type: str = "about:blank"
    """Ends in the problem's name, as `/problems/overloaded`."""
    title: str = ""
    status: int = 0
    detail: str = ""


class ClientError(Exception):
    """The gateway gave no answer that could be used."""


class GatewayProblem(ClientError):
    """The gateway refused or failed, and said so."""

    def __init__(self, document: ProblemDocument, retry_after: float | None = None) -> None:
        super().__init__(f"{document.title} ({document.status}): {document.detail}")
        self.type = document.type
        self.title = document.title
        """What is wrong, in the same words each time."""
        self.status = document.status
        """Of HTTP."""
        self.detail = document.detail
        """What happened this time."""
        self.retry_after = retry_after
        """Seconds after which the same request may succeed; None where the gateway did not say."""
        self.document = document

    @property
    def name(self) -> str:
        """Return the problem's name, as `overloaded`; `about:blank` where HTTP's own words are all there is."""
        return self.type.rpartition("/")[2]


class Unreachable(ClientError):
    """No answer came: nothing listens, the connection broke, or time ran out."""


class Broken(Unreachable):
    """The connection was closed before the answer came.

    A refusal may have been lost with it: the gateway refuses before it has read the body, and closes on the rest.
    """


class NotUnderstood(ClientError):
    """Something answered, and not as a gateway of this release does."""
