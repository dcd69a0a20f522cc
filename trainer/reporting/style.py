"""How a run is followed; a file of its own, so that the commands' options wait for no library."""

from typing import Literal

Style = Literal["auto", "plain", "json"]
"""`auto` is a bar on a terminal and plain lines elsewhere."""
