"""The same question for a program: what a visitor may copy. No snippet holds a key; it is read from the environment."""

import shlex


def curl(gateway_url: str, filename: str, *, with_key: bool) -> str:
    """Return the command that has a file classified.

    curl takes `;` and `,` for parts of a name only where it stands between quotes.
    """
    name = filename.replace("\\", "\\\\").replace('"', '\\"')
    form = shlex.quote(f'file=@"{name}"')
    key = '-H "Authorization: Bearer $PULMO_API_KEY" ' if with_key else ""
    return f"curl {key}-F {form} {shlex.quote(f'{gateway_url}/predict')}"


def python(gateway_url: str, filename: str, *, with_key: bool) -> str:
    """Return the program that has a file classified."""
    imports = ["import os", "", "import httpx"] if with_key else ["import httpx"]
    headers = """, headers={"Authorization": f"Bearer {os.environ['PULMO_API_KEY']}"}""" if with_key else ""
    return "\n".join(
        [
            *imports,
            "",
            f"with open({filename!r}, 'rb') as image:",
            f"    reply = httpx.post({gateway_url + '/predict'!r}, files={{'file': image}}{headers})",
            "reply.raise_for_status()",
            "print(reply.json()['prediction'], reply.json()['confidence'])",
            "",
        ]
    )
