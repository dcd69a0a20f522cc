"""The alerts on the host, each caused for real and heard, and heard to end."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from monitoring.rules import Windows
from monitoring.symptoms import Limits
from monitoring.tests.alerting import watching
from monitoring.tests.programs import program
from tests.clients import posting
from tests.disks import small_disk
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.processes import eventually, free_port, running
from tests.scripted import Version, certain, scripted

SHORTER = Windows(1 / 1000)  # the six hours are 22 s
MEGABYTE = 2**20
LARGE = png(pixels(1, 1800))  # 8 MB
CAUSED = {"MemoryHigh", "DiskFilling", "DiskFull"}


def test_who_is_on_duty_hears_of_a_gateway_that_grows(tmp_path: Path) -> None:
    """Large images wait for a model that hangs; a gateway that starts anew is as small as ever."""
    version, port = Version(certain(0)), free_port()

    with scripted(v1=version) as model, serving_gateway(model.target, tmp_path / "first", port=str(port)) as gateway:
        limits = Limits(memory_bytes=held(gateway) + 64 * MEGABYTE)
        with watching(tmp_path / "watch", SHORTER, limits=limits, gateway=urlsplit(gateway.url).netloc) as heard:
            version.answers.clear()
            with posting(gateway.url, LARGE, clients=16):
                heard.wait("firing", "MemoryHigh")
                version.answers.set()
            gateway.running.process.terminate()
            gateway.running.process.wait()
            with serving_gateway(model.target, tmp_path / "second", port=str(port)):
                heard.wait("resolved", "MemoryHigh")


def held(gateway: Gateway) -> int:
    """Return how much memory a gateway holds, bytes."""
    return int(gateway.total("process_resident_memory_bytes"))


def test_who_is_on_duty_hears_of_a_disk_that_fills_and_of_one_that_is_full(tmp_path: Path) -> None:
    """Something writes and writes, until somebody removes it."""
    limits = Limits(no_disks="overlay|squashfs")  # the small disk is a tmpfs
    with (
        small_disk(tmp_path / "disk", "64M") as disk,
        node_exporter(tmp_path) as host,
        watching(tmp_path / "watch", SHORTER, limits=limits, host=host) as heard,
        (disk / "filler").open("wb", buffering=0) as filler,
    ):
        small = {"mountpoint": str(disk)}

        def grows_until_that_is_heard() -> bool:
            with suppress(OSError):
                filler.write(bytes(MEGABYTE // 64))
            return heard.now("DiskFilling", **small) == {"firing"}

        filler.write(bytes(40 * MEGABYTE))
        eventually(grows_until_that_is_heard, within=120, what="it is heard that the disk fills")
        with suppress(OSError):
            while True:
                filler.write(bytes(MEGABYTE))
        heard.wait("firing", "DiskFull", **small)
        filler.truncate(0)
        heard.wait("resolved", "DiskFull", "DiskFilling", **small)


@contextmanager
def node_exporter(folder: Path) -> Iterator[str]:
    """Run Prometheus' node exporter until the block ends; yield its address."""
    name, address = "prometheus-node-exporter", f"127.0.0.1:{free_port()}"

    def ready() -> bool:
        try:
            return httpx.get(f"http://{address}/metrics").is_success
        except httpx.TransportError:
            return False

    with running([str(program(name, name)), f"--web.listen-address={address}"], log=folder / "host.log", ready=ready):
        yield address
