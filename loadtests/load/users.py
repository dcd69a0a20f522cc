"""A user as clients are: looks at an image, has it classified, thinks, and now and then asks for something else."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import cycle, islice
from random import SystemRandom
from typing import Any, Final

from locust import FastHttpUser, task

from loadtests.answers import (
    Outcome,
    WrongAnswer,
    check_batch,
    check_health,
    check_page,
    check_prediction,
    read_outcome,
    told_to_wait_s,
)
from loadtests.images import Image
from loadtests.load.backoff import pause_s
from loadtests.load.forms import FORM_TYPE, build_form
from loadtests.load.ledger import UNANSWERED

REFUSED: Final = " (refused)"
"""Ends the name of refusals in Locust's statistics: they are quick, and would flatter the latency of the answers."""
THINK_S: Final = (0.25, 0.75)
"""How long a user thinks, seconds, evenly between the two. Half a second on average is what the claims for 10 users
imply (15 requests/s of 150 ms each): 10 / (0.5 + 0.15) = 15."""
BATCH: Final = 4
"""Images in a batch. With the weights below as many images are posted as requests are sent."""
PAGE: Final = 20
"""Rows of the history that are asked for at once."""


class Radiographer(FastHttpUser):  # type: ignore[misc] # locust is Any here
    """One client with one connection. It checks each answer, and comes again when it is told to."""

    concurrency = 1
    connection_timeout = 10.0
    leaves = False
    network_timeout = 30.0  # the gateway's own limit is 10 s (PULMO_REQUEST_TIMEOUT_S)

    def on_start(self) -> None:
        """Begin somewhere in the folder, so that users post different images at one time."""
        images = self.environment.images
        self.chance = SystemRandom()
        first = self.chance.randrange(len(images))
        self.images: Iterator[Image] = cycle(images[first:] + images[:first])
        key = self.environment.parsed_options.api_key
        self.key = {"X-API-Key": key} if key else {}
        self.following: int | None = None
        self.refusals = 0
        self.told_s = 0.0

    def stop(self, force: bool = False) -> bool:  # noqa: FBT001, FBT002 - the base class's signature
        """Ask nothing more.

        Locust kills a user that waits, but not at once: it may have woken up and sent a request by then, of which the
        gateway would tell and the user could not.
        """
        self.leaves = True
        return bool(super().stop(force))

    def wait_time(self) -> float:
        """Return for how many seconds to do nothing: a thought, or what a refusal asked for."""
        if self.refusals:
            return pause_s(self.told_s, self.refusals, self.chance.random())
        return self.chance.uniform(*THINK_S)

    @task(16)  # type: ignore[untyped-decorator]
    def predict(self) -> None:
        """Have the next image classified."""
        image = next(self.images)
        self._ask("POST", "/predict", check_prediction, data=image.body, content_type=image.media_type)

    @task(1)  # type: ignore[untyped-decorator]
    def predict_batch(self) -> None:
        """Have the next images classified together."""
        form = build_form("files", list(islice(self.images, BATCH)))
        self._ask("POST", "/predict-batch", partial(check_batch, images=BATCH), data=form, content_type=FORM_TYPE)

    @task(2)  # type: ignore[untyped-decorator]
    def history(self) -> None:
        """Read a page of the history: the one after the last that was read, or the newest where there is none."""
        after = "" if self.following is None else f"&after={self.following}"

        def read(page: Mapping[str, Any]) -> None:
            check_page(page, PAGE)
            self.following = page["next"]

        self._ask("GET", "/history", read, query=f"?limit={PAGE}{after}")

    @task(1)  # type: ignore[untyped-decorator]
    def health(self) -> None:
        """Ask whether the service is well."""
        self._ask("GET", "/health", check_health)

    def _ask(
        self,
        method: str,
        route: str,
        check: Callable[[Mapping[str, Any]], object],
        *,
        query: str = "",
        data: bytes | None = None,
        content_type: str | None = None,
    ) -> None:
        if self.leaves:
            return
        headers = {**self.key, **({"Content-Type": content_type} if content_type else {})}
        code = UNANSWERED
        try:
            with self.client.request(
                method, route + query, name=route, data=data, headers=headers, catch_response=True
            ) as response:
                code = str(response.status_code or UNANSWERED)
                self._judge(response, check)
        finally:  # also where the end of the run cuts the request off
            self.environment.tally.count(route, method, code)

    def _judge(self, response: Any, check: Callable[[Mapping[str, Any]], object]) -> None:  # noqa: ANN401 - locust is
        refusals, self.refusals = self.refusals, 0
        if not response.status_code:
            response.failure(f"no answer: {response.error}")
            return
        try:
            outcome = read_outcome(response.status_code, response.headers, response.content, check)
        except WrongAnswer as error:
            response.failure(str(error))
            return
        if outcome is Outcome.REFUSED:
            self.refusals, self.told_s = refusals + 1, told_to_wait_s(response.headers)
            response.request_meta["name"] += REFUSED
        response.success()
