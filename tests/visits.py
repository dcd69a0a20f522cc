"""Requests of every kind, each noted in a ledger as its client saw it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from gateway.errors import BadImage, documented
from tests.clients import sending
from tests.images import jpeg, pixels, png
from tests.ledgers import Ledger, Request
from tests.modelserver import MODEL

IMAGE: Final = png(pixels(1))
_PHOTO: Final = jpeg(pixels(2))
_IMAGE_PROBLEMS: Final = {name for name, kind in documented().items() if issubclass(kind, BadImage)}
_PREDICTING: Final = {"/predict", "/predict-batch"}
_INFER: Final = f"/v2/models/{MODEL}/infer"
_INFER_ROUTE: Final = "/v2/models/{model}/infer"
_ROW: Final = {"name": "images", "shape": [1, 32, 32, 1], "datatype": "UINT8", "data": [7] * 32 * 32}


@dataclass(frozen=True)
class Visit:
    """One request, and what it is called in the metrics."""

    method: str
    path: str
    route: str
    """Its template as the metrics have it."""
    content: Mapping[str, Any] = field(default_factory=dict)
    """What httpx is to send with it."""
    sent: int = 0
    """Images that it brings."""
    counted_as: str = ""
    """Its method as the metrics have it, where that is another."""

    def make(self, client: httpx.Client, ledger: Ledger) -> None:
        """Send it, wait for the answer, and note that."""
        reply = client.request(self.method, self.path, **self.content)
        problem = _problem(reply)
        entries = _entries(self.route, reply)
        self._note(
            ledger,
            status=reply.status_code,
            problem=problem,
            answered=self.sent if not entries and reply.is_success and self.sent else sum("id" in e for e in entries),
            refused=_refused(self.route, problem, entries),
        )

    def leave(self, url: str, ledger: Ledger, *, unsent: int = 0) -> None:
        """Send it but for the last `unsent` bytes of its body, and close the connection without reading."""
        request = httpx.Request(self.method, url + self.path, **self.content)
        body = request.read()
        headers = f"Content-Type: {request.headers.get('Content-Type', 'image/png')}\r\n"
        part = body[: len(body) - unsent]
        with sending(url, part, path=self.path, headers=headers, announced=len(body)):
            pass
        self._note(ledger, status=None)

    def _note(self, ledger: Ledger, *, status: int | None, **outcome: Any) -> None:  # noqa: ANN401 - of a Request
        method = self.counted_as or self.method
        ledger.add(Request(method, self.route, status, sent=self.sent, **outcome))


def batch(*images: bytes) -> Visit:
    """Return a request for the images of one form."""
    files = [("files", (f"{number}.png", image)) for number, image in enumerate(images)]
    return Visit("POST", "/predict-batch", "/predict-batch", {"files": files}, sent=len(images))


def predict(image: bytes, **headers: str) -> Visit:
    """Return a request for one image."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Visit("POST", "/predict", "/predict", {"content": image, "headers": named}, sent=1)


def infer(rows: int, route: str = _INFER_ROUTE, path: str = _INFER) -> Visit:
    """Return a request of the Open Inference Protocol for so many rows."""
    tensor = {**_ROW, "shape": [rows, 32, 32, 1], "data": [7] * rows * 32 * 32}
    return Visit("POST", path, route, {"json": {"inputs": [tensor]}}, sent=rows)


ANSWERED: Final[Sequence[Visit]] = (
    predict(IMAGE),
    Visit("POST", "/predict", "/predict", {"files": {"file": ("scan.jpg", _PHOTO)}}, sent=1),
    batch(IMAGE, _PHOTO, IMAGE),
    batch(IMAGE, b"no image", IMAGE[:200], b""),
    infer(1),
    infer(3),
    infer(2, "/v2/models/{model}/versions/{version}/infer", f"/v2/models/{MODEL}/versions/1/infer"),
)
"""Requests for predictions that a gateway at its ease gives."""

REFUSED: Final[Sequence[Visit]] = (
    predict(b"no image"),
    predict(IMAGE[:200]),
    predict(b""),
    predict(IMAGE, X_Request_Timeout="soon"),
    predict(bytes(40_000)),
    Visit("POST", "/predict", "/predict", {"files": {"other": IMAGE}}),
    Visit("GET", "/predict", "unmatched"),
    Visit("BREW", "/predict", "unmatched", counted_as="OTHER"),
    Visit("DELETE", "/predict-batch", "unmatched"),
    Visit("POST", "/v2/models/none/infer", _INFER_ROUTE, {"json": {}}),
    Visit("POST", _INFER, _INFER_ROUTE, {"content": b"no JSON"}),
    Visit("GET", "/v2/models/none", "/v2/models/{model}"),
    Visit("GET", "/history?limit=0", "/history"),
    Visit("PUT", "/models/route", "/models/route", {"content": b"no route"}),
    Visit("POST", "/feedback", "/feedback", {"json": {"prediction_id": "none", "true_label": "normal"}}),
    Visit("GET", "/training-sessions/none", "/training-sessions/{session_id}"),
    Visit("GET", "/problems/none", "/problems/{name}"),
    Visit("GET", "/nowhere", "unmatched"),
    Visit("POST", "/nowhere", "unmatched", {"content": IMAGE}),
)
"""Requests that end in a problem, none of which is the gateway's."""

ASKED: Final[Sequence[Visit]] = (
    Visit("GET", "/", "/"),
    Visit("GET", "/history", "/history"),
    Visit("GET", "/models", "/models"),
    Visit("GET", "/status", "/status"),
    Visit("GET", "/v2", "/v2"),
    Visit("GET", "/problems/overloaded", "/problems/{name}"),
    Visit("OPTIONS", "/predict", "/predict"),
)
"""Requests without images that are answered."""


def _problem(reply: httpx.Response) -> str | None:
    """Return the metrics' name of the problem that an answer tells."""
    if reply.headers.get("Content-Type") != "application/problem+json":
        return None
    told = reply.json()
    kind = str(told["type"])
    return str(told["title"]).lower().replace(" ", "-") if kind == "about:blank" else kind.rpartition("/")[2]


def _entries(route: str, reply: httpx.Response) -> list[dict[str, Any]]:
    """Return what each image of a batch was told."""
    if route != "/predict-batch" or not reply.is_success:
        return []
    entries: list[dict[str, Any]] = reply.json()["predictions"]
    return entries


def _refused(route: str, problem: str | None, entries: Sequence[Mapping[str, Any]]) -> list[str]:
    told = [str(entry["error"]["type"]).rpartition("/")[2] for entry in entries if "error" in entry]
    return [*told, problem] if problem in _IMAGE_PROBLEMS and route in _PREDICTING else told
