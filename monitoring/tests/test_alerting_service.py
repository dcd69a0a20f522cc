"""The alerts on the parts of the service, each caused for real and heard, and heard to end."""

from pathlib import Path
from urllib.parse import urlsplit

from gateway.access.keys import new_key
from monitoring.objectives import HOUR
from monitoring.rules import Windows
from monitoring.tests.alerting import watching
from monitoring.tests.queries import ask
from tests.clients import posting
from tests.gateways import serving_gateway
from tests.images import pixels, png
from tests.modelserver import serving
from tests.processes import eventually, free_port
from tests.scripted import Version, certain, scripted

BODY = png(pixels(1))
NO_MODEL = ("NoModelReady", "ModelServerAway", "RequestsRefused")
CAUSED = {"Watchdog", *NO_MODEL, "AvailabilityBudgetBurns", "KeysNotTaken", "TargetDown", "RestartLoop"}


def test_who_is_on_duty_hears_that_no_model_answers_and_that_it_does_again(toy_store: Path, tmp_path: Path) -> None:
    """Both model servers are away, under traffic, and the file of keys is half written; then all of it is mended."""
    windows = Windows(1 / 120)
    fast = {"window": windows(HOUR)}
    secret, key = new_key("clients", ["predict"])
    keys, key_file = tmp_path / "keys", tmp_path / "key"
    keys.write_text(key.line())
    key_file.write_text(secret)
    first, second = tmp_path / "a", tmp_path / "b"
    settings = {"backend": f"unix:{first},unix:{second}", "path": "/health/live", "api_keys_file": str(keys)}
    with (
        serving_gateway("", tmp_path / "gateway", **settings) as gateway,
        watching(tmp_path / "watch", windows, key_file=key_file, gateway=urlsplit(gateway.url).netloc) as heard,
        posting(gateway.url, BODY, clients=1, headers={"Authorization": f"Bearer {secret}"}),
    ):
        keys.write_text("half a li")
        heard.wait("firing", *NO_MODEL, "KeysNotTaken")
        heard.wait("firing", "AvailabilityBudgetBurns", **fast)
        keys.write_text(key.line())
        with serving(toy_store, socket=first), serving(toy_store, socket=second):
            heard.wait("resolved", *NO_MODEL, "KeysNotTaken")
            heard.wait("resolved", "AvailabilityBudgetBurns", **fast)
            assert heard.now("Watchdog") == {"firing"}


def test_who_is_on_duty_hears_of_a_gateway_that_is_gone_and_of_one_that_starts_again_and_again(tmp_path: Path) -> None:
    """It is missed until it starts; then it ends and starts until that is noticed, and at last it stays."""
    port, asked = free_port(), free_port()

    def is_up() -> bool:
        return ask(f"http://127.0.0.1:{asked}", 'up{job="gateway"}') == [1]

    with (
        scripted(v1=Version(certain(0))) as model,
        watching(tmp_path / "watch", Windows(1 / 25), port=asked, gateway=f"127.0.0.1:{port}") as heard,
    ):
        heard.wait("firing", "TargetDown")
        noticed = False
        while not noticed:
            with serving_gateway(model.target, tmp_path / "gateway", port=str(port)):
                eventually(is_up, within=60, what="Prometheus reads the gateway")
                noticed = heard.now("RestartLoop") == {"firing"}
                if noticed:
                    heard.wait("resolved", "TargetDown", "RestartLoop")
            eventually(lambda: not is_up(), within=60, what="Prometheus misses the gateway")
