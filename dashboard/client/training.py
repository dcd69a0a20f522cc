"""The part of the gateway's HTTP API that trains: labelled images, and retrainings."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from dashboard.client.gateway import GatewayClient
from dashboard.client.messages import RetrainReply, TrainingSession, TrainingStatus, UploadedSession, UploadReply


class TrainingClient:
    """Asks a gateway to train. Every failure is a `GatewayProblem`."""

    def __init__(self, gateway: GatewayClient) -> None:
        self.gateway = gateway

    def upload(self, images: Sequence[tuple[str, bytes, str]]) -> UploadReply:
        """Have images kept to be learned from, given by name, content and class; what became of each, in their order.

        Args:
            images: at least one; the class may be empty.
        """
        files = [("files", (name, body)) for name, body, _ in images]
        labels = [label for _, _, label in images]
        return self.gateway.ask("POST", "/upload-data", UploadReply, files=files, data={"labels": labels})

    def uploaded(self, session_id: str) -> UploadedSession:
        """Ask what was kept of one request of `upload`."""
        return self.gateway.ask("GET", f"/uploaded-data/{_segment(session_id)}", UploadedSession)

    def parameters(self) -> dict[str, Any]:
        """Ask for the JSON schema of what may be set for a retraining; the first one who asks starts the trainer."""
        return self.gateway.ask("GET", "/retrain/parameters", dict[str, Any])

    def start(self, parameters: Mapping[str, Any]) -> RetrainReply:
        """Start a retraining, or be told of the one that runs."""
        return self.gateway.ask("POST", "/retrain", RetrainReply, json=dict(parameters))

    def cancel(self, session_id: str) -> TrainingSession:
        """Have a retraining end."""
        return self.gateway.ask("DELETE", f"/retrain/{_segment(session_id)}", TrainingSession)

    def status(self) -> TrainingStatus:
        """Ask how the retraining is doing that runs, or how the last one ended."""
        return self.gateway.training()

    def sessions(self) -> list[TrainingSession]:
        """Ask for the last retrainings, newest first."""
        return self.gateway.trainings().sessions

    def log(self, session_id: str) -> bytes:
        """Return the end of what a retraining has written."""
        return self.gateway.read(f"/training-sessions/{_segment(session_id)}/log")


def _segment(text: str) -> str:
    """Return a text as one part of a path, whatever it holds."""
    return quote(text, safe="") or "-"
