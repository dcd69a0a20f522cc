"""Every error has a name, a status and a place in the tree."""

import grpc

import gateway.errors
from gateway.backend import ERRORS
from gateway.errors import GatewayError, documented


def test_every_grpc_status_has_a_meaning() -> None:
    """No status of the model server falls through to a 500."""
    assert set(grpc.StatusCode) - {grpc.StatusCode.OK} == set(ERRORS)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """What the page shows is what the code has."""
    lines = (gateway.errors.__doc__ or "").splitlines()
    drawn = {line.split("── ")[1] for line in lines if "── " in line}

    def names(kind: type[GatewayError]) -> set[str]:
        return {kind.__name__}.union(*(names(child) for child in kind.__subclasses__()))

    assert names(GatewayError) - {"GatewayError"} == drawn


def test_what_may_succeed_later_says_when() -> None:
    """429 and 503 carry Retry-After, a client's own mistake does not."""
    for kind in documented().values():
        assert (kind.status in {429, 502, 503, 504}) == (kind.retry_after is not None), kind
