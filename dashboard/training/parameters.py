"""What may be set for a training, read from its JSON schema: draft 2020-12, as far as the trainer makes use of it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

Kind = Literal["integer", "number", "boolean", "choice"]
_DEEPEST: Final = 3
_SIMPLE: Final[dict[str, Kind]] = {"integer": "integer", "number": "number", "boolean": "boolean"}
_REFERENCE: Final = "#/$defs/"


class Field(msgspec.Struct, frozen=True):
    """One parameter. It may be left out, and then is as the version was trained that is trained on."""

    path: tuple[str, ...]
    """Its key, after those of the objects that it lies in."""
    kind: Kind
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    limits: str = ""
    """In words."""

    @property
    def title(self) -> str:
        """What a person calls it."""
        return ": ".join(key.replace("_", " ") for key in self.path).capitalize()


class Parameters(msgspec.Struct, frozen=True):
    """All of them."""

    fields: list[Field]
    others: list[str]
    """Those for which there is no widget, by their keys with dots between; a program may set them."""


def read_schema(schema: Mapping[str, Any]) -> Parameters:
    """Return what a schema lets one set."""
    found = list(_walk(schema, schema, ()))
    return Parameters(
        [field for field in found if isinstance(field, Field)], [name for name in found if isinstance(name, str)]
    )


def document(values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Return the body of `POST /retrain`: what was set, without what was left open (None)."""
    body: dict[str, Any] = {}
    for path, value in values.items():
        if value is not None:
            inner = body
            for key in path[:-1]:
                inner = inner.setdefault(key, {})
            inner[path[-1]] = value
    return body


def _walk(schema: Mapping[str, Any], node: Any, path: tuple[str, ...]) -> Iterator[Field | str]:  # noqa: ANN401 - JSON
    node = _resolved(schema, node)
    properties = node.get("properties")
    if isinstance(properties, Mapping) and len(path) < _DEEPEST:
        for key, inner in properties.items():
            yield from _walk(schema, inner, (*path, str(key)))
    elif path:
        yield _field(node, path) or ".".join(path)


def _resolved(schema: Mapping[str, Any], node: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
    """Return what a node refers to; references go one step, as those of the trainer do."""
    if not isinstance(node, Mapping):
        return {}
    reference = node.get("$ref")
    if isinstance(reference, str) and reference.startswith(_REFERENCE):
        definitions = schema.get("$defs")
        found = definitions.get(reference.removeprefix(_REFERENCE)) if isinstance(definitions, Mapping) else None
        return found if isinstance(found, Mapping) else {}
    return node


def _field(node: Mapping[str, Any], path: tuple[str, ...]) -> Field | None:
    choices = node.get("enum")
    if isinstance(choices, list) and all(isinstance(choice, str) for choice in choices):
        return Field(path, "choice", tuple(choices))
    kind = _SIMPLE.get(str(node.get("type")))
    if kind is None:
        return None
    low, above = _number(node, "minimum"), _number(node, "exclusiveMinimum")
    high, below = _number(node, "maximum"), _number(node, "exclusiveMaximum")
    words = {"at least": low, "more than": above, "at most": high, "less than": below}
    limits = ", ".join(f"{word} {limit:g}" for word, limit in words.items() if limit is not None)
    return Field(path, kind, (), low if above is None else above, high if below is None else below, limits)


def _number(node: Mapping[str, Any], key: str) -> float | None:
    value = node.get(key)
    return float(value) if isinstance(value, int | float) else None
