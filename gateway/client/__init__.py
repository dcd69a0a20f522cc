"""A typed client of the gateway, for programs and for the command line (`python -m gateway.client`).

It knows HTTP and nothing of the gateway's own code: `pip install pulmo[client]` brings httpx, msgspec and rich alone.

    with Client("http://127.0.0.1:8000") as client:
        print(client.predict("slice.png").prediction)
        for entry in client.predict_batch(Path("slices").glob("*.png")):
            print(entry.filename, entry.prediction or entry.error)

`AsyncClient` has the same methods to be awaited. Every failure is a `ClientError`.
"""

from gateway.client.asynchronous import AsyncClient
from gateway.client.failures import ClientError, GatewayProblem, NotUnderstood, Unreachable
from gateway.client.sync import Client

__all__ = ["AsyncClient", "Client", "ClientError", "GatewayProblem", "NotUnderstood", "Unreachable"]
