"""Which paths belong to the protocol. Asked for every request, so nothing is imported and little is done."""

ROOT = "/v2"
INFER = "/v2/models/{model}/infer"
INFER_VERSION = "/v2/models/{model}/versions/{version}/infer"

_MODELS = "/v2/models/"


def speaks_protocol(path: str) -> bool:
    """Say whether a client of the protocol asks there."""
    return path.startswith("/v2") and path[3:4] in ("", "/")


def template(path: str) -> str:
    """Return the template of a path where something is inferred; any other path as it is."""
    if not path.startswith(_MODELS) or not path.endswith("/infer"):
        return path
    parts = path.removeprefix(_MODELS).split("/")
    if len(parts) == 2:  # model, infer
        return INFER
    if len(parts) == 4 and parts[1] == "versions":
        return INFER_VERSION
    return path
