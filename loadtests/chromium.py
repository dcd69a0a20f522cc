"""The browser that measurements of the console look through: Debian's Chromium."""

import shutil
from typing import Final

TITLE: Final = '[data-testid="stMain"] h1'
"""Where a page of the console has its title."""
_PROGRAM: Final = "chromium"


class ChromiumMissing(RuntimeError):
    """It is not installed; the message says how to get it."""


def find_chromium() -> str:
    """Return the path of the program.

    Raises:
        ChromiumMissing: it is not on the PATH.
    """
    program = shutil.which(_PROGRAM)
    if program is None:
        raise ChromiumMissing(f"{_PROGRAM} is not on the PATH; on Debian: apt-get install {_PROGRAM}")
    return program
