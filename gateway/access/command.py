"""`python -m gateway key`: makes an API key."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.access.keys import SCOPES, KeysError, new_key


def run_key(arguments: Sequence[str], _environment: Mapping[str, str], _file: Path) -> int:
    """Print a new key: its entry for the list of keys on standard output, the key itself on standard error.

    So `python -m gateway key NAME >> keys` adds it to a list, and shows the key to whoever sits there. Returns the exit
    status, 2 where the name cannot be used.
    """
    parser = argparse.ArgumentParser(
        "python -m gateway key",
        description="Make an API key. Its line for PULMO_API_KEYS_FILE goes to standard output; the key, which is "
        "shown this once and kept nowhere, to standard error.",
    )
    parser.add_argument("name", metavar="NAME", help="who has the key: 1 to 64 letters, digits, dots, dashes")
    parser.add_argument(
        "--scope", action="append", choices=SCOPES, help="what it is good for; predict, if nothing is said"
    )
    options = parser.parse_args(arguments)
    try:
        secret, key = new_key(options.name, options.scope or ["predict"])
    except KeysError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 2
    sys.stdout.write(f"{key.line()}\n")
    sys.stdout.flush()
    sys.stderr.write(f"{secret}\n")
    return 0
