"""Parameters and headers that several endpoints have."""

from typing import Annotated

from litestar.datastructures import ResponseHeader
from litestar.params import Parameter

from gateway.deadlines import HEADER

ROUTE_KEY = "Pulmo-Route-Key"
"""The header by which a client is treated alike while two versions share the traffic."""

Timeout = Annotated[
    str | None,
    Parameter(
        header=HEADER,
        description="Seconds in which the answer is of use, as 0.5; at most PULMO_REQUEST_TIMEOUT_S, which also holds "
        "without this header. Later there is a problem `deadline-exceeded`, and no work is done that would be late.",
    ),
]
"""The header by which a client says how long it waits; `gateway.deadlines` reads it."""

PageSize = Annotated[int, Parameter(ge=1, le=500, description="Entries of the page, at most.")]
"""How much of a list is asked for."""

Following = Annotated[
    int | None,
    Parameter(ge=1, le=2**63 - 1, description="The `next` of the page before; the first page without it."),
]
"""Where a page begins; a column of the database holds it."""

SERVER_TIMING = ResponseHeader(
    name="Server-Timing",
    description="Milliseconds, as in `timings` of the answer; of a batch the total alone.",
    documentation_only=True,
)
"""The header that tells where the time went."""
