"""The gateway's HTTP API as the console uses it: typed answers, one kind of error."""

from typing import Final, Literal, TypeVar

import httpx
import msgspec

from dashboard import problems

_PREDICT_TIMEOUT: Final = httpx.Timeout(30, connect=3)
_HEALTH_TIMEOUT: Final = httpx.Timeout(3)

Answer = TypeVar("Answer")


class Timings(msgspec.Struct, frozen=True):
    """Milliseconds that one prediction spent in each stage."""

    read: float = 0.0
    decode: float = 0.0
    queue: float = 0.0
    backend: float = 0.0
    persist: float = 0.0
    total: float = 0.0


class Prediction(msgspec.Struct, frozen=True):
    """The answer to `POST /predict`."""

    id: str
    prediction: str
    """The class with the highest probability."""
    confidence: float
    """Its probability, from 0 to 1."""
    probabilities: dict[str, float]
    model_version: int
    timings: Timings


class Health(msgspec.Struct, frozen=True):
    """The answer to `GET /health`."""

    status: Literal["ok", "degraded"]
    model_loaded: bool
    model_version: int | None = None
    reason: str | None = None
    """Why it is degraded."""


class GatewayClient:
    """Asks one gateway. Every failure is a `GatewayProblem`."""

    def __init__(self, url: str, key: str = "") -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"} if key else {})

    def predict(self, filename: str, body: bytes) -> Prediction:
        """Have one image classified.

        Raises:
            GatewayProblem: no answer, a refusal, or an answer that is not understood.
        """
        files = {"file": (filename, body)}
        request = self._http.build_request("POST", "/predict", files=files, timeout=_PREDICT_TIMEOUT)
        return self._ask(request, Prediction)

    def health(self) -> Health:
        """Ask whether the service can predict.

        Raises:
            GatewayProblem: no answer, a refusal, or an answer that is not understood.
        """
        return self._ask(self._http.build_request("GET", "/health", timeout=_HEALTH_TIMEOUT), Health)

    def _ask(self, request: httpx.Request, answer: type[Answer]) -> Answer:
        try:
            response = self._http.send(request)
        except httpx.HTTPError as error:
            raise problems.unreachable(self.url, error) from error
        if not response.is_success:
            raise problems.refused(response)
        try:
            return msgspec.json.decode(response.content, type=answer)
        except msgspec.MsgspecError as error:
            raise problems.not_understood(self.url, error) from error
