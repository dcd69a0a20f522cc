"""The parameters by which a list is read in pages."""

from typing import Annotated

from litestar.params import Parameter

PageSize = Annotated[int, Parameter(ge=1, le=500, description="Entries of the page, at most.")]
"""How much of a list is asked for."""

Following = Annotated[
    int | None,
    Parameter(ge=1, le=2**63 - 1, description="The `next` of the page before; the first page without it."),
]
"""Where a page begins; a column of the database holds it."""
