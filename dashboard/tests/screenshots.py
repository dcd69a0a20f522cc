"""Pictures of every page of a console that runs, light and dark.

`python -m dashboard.tests.screenshots [http://127.0.0.1:8501] [--out docs/console] [--image FILE]`. Start what it shows
before: `make run` with two versions, and `make watch` with `PULMO_PROMETHEUS_URL` for the console.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

from PIL import Image
from playwright.sync_api import Page

from dashboard.tests.browsers import Scheme, Tab, browsing, tab
from tests.processes import ROOT

WIDTH: Final = 1280
_COLOURS: Final = 128
"""Of a picture; what is lost nobody sees, and the file is a third."""
_HIGHEST: Final = 4000  # pixels
_DRAWN_MS: Final = 3_000
_CONTENT: Final = "document.querySelector('[data-testid=\"stMainBlockContainer\"]').scrollHeight"


def main(argv: Sequence[str]) -> int:
    """Write the pictures, and name them."""
    parser = argparse.ArgumentParser(prog="python -m dashboard.tests.screenshots", description="picture a console")
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8501", help="where it is")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "console", metavar="FOLDER")
    parser.add_argument("--image", type=Path, default=ROOT / "data" / "samples" / "adenocarcinoma.png")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    with browsing() as browser:
        for scheme in get_args(Scheme):
            with tab(browser, scheme, WIDTH) as visit:
                visit.open(options.url)
                for path in pages(visit):
                    file = options.out / f"{path or 'overview'}-{scheme}.png"
                    file.write_bytes(picture(visit, f"{options.url}/{path}", options.image))
                    sys.stdout.write(f"{file}\n")
    return 0


def pages(visit: Tab) -> list[str]:
    """Return the last parts of the addresses of all pages; the first one has none."""
    links = visit.page.get_by_test_id("stSidebarNavLink").all()
    return [str(link.get_attribute("href")).rpartition("/")[2] for link in links]


def picture(visit: Tab, url: str, image: Path) -> bytes:
    """Return a PNG of a page with all that is on it, once it was used."""
    visit.page.set_viewport_size({"width": WIDTH, "height": 900})
    visit.open(url)
    use(visit, url.rpartition("/")[2], image)
    visit.settle()
    visit.page.set_viewport_size({"width": WIDTH, "height": height(visit.page)})
    visit.settle()
    return smaller(visit.page.screenshot())


def use(visit: Tab, name: str, image: Path) -> None:
    """Do on a page what shows what it is for."""
    match name:
        case "classify":
            visit.upload({"name": image.name, "mimeType": "image/png", "buffer": image.read_bytes()})
            visit.page.get_by_text("Time per stage").wait_for()
        case "models":
            visit.page.get_by_role("button", name="Ask both about the same images").click()
            visit.page.get_by_text("name the same class for").wait_for()
        case "monitoring":
            visit.page.get_by_text("15 minutes", exact=True).click()
            visit.page.wait_for_timeout(_DRAWN_MS)  # a chart does not tell of which time it is
        case "load":
            visit.page.get_by_role("button", name="Start the load").click()
            visit.page.get_by_text("Requests so far").wait_for()
            visit.page.get_by_role("columnheader", name="Request", exact=True).wait_for()


def height(page: Page) -> int:
    """Return how many pixels the page's content is high; Streamlit scrolls it inside of the page."""
    return min(_HIGHEST, max(900, int(page.evaluate(_CONTENT))))


def smaller(png: bytes) -> bytes:
    """Return a PNG with a palette."""
    reduced = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(_COLOURS).save(reduced, "PNG", optimize=True)
    return reduced.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
