"""Closed-loop load on `POST /predict`: each user posts the next image as soon as it has its answer.

locust -f loadtests/locustfile.py --headless -u 10 -r 2 -t 10s --stop-timeout 10 --host http://127.0.0.1:8000
"""

import logging
from argparse import ArgumentParser
from itertools import cycle
from pathlib import Path
from random import SystemRandom
from typing import Final

from locust import FastHttpUser, constant, events, task
from locust.env import Environment

from loadtests.answers import Outcome, WrongAnswer, read_outcome
from loadtests.images import ImagesMissing, read_images

NAME: Final = "/predict"
REFUSED_NAME: Final = "/predict (refused)"
"""Refusals have statistics of their own: they are quick, and would flatter the latency of the answers."""


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator] # locust is Any here
def add_arguments(parser: ArgumentParser) -> None:
    """Add our options to Locust's."""
    parser.add_argument(
        "--images",
        type=Path,
        default=Path("data/samples"),
        env_var="PULMO_IMAGES",
        help="Folder of the PNG and JPEG images to post",
    )
    parser.add_argument(
        "--api-key", default="", env_var="PULMO_API_KEY", is_secret=True, help="What the gateway wants, if it wants one"
    )


@events.init.add_listener  # type: ignore[untyped-decorator] # locust is Any here
def load_images(environment: Environment, **_: object) -> None:
    """Read the images once for all users, and end Locust where there are none."""
    try:
        environment.images = read_images(environment.parsed_options.images)
    except ImagesMissing as error:
        raise SystemExit(str(error)) from error


@events.quitting.add_listener  # type: ignore[untyped-decorator] # locust is Any here
def fail_if_nothing_was_answered(environment: Environment, **_: object) -> None:
    """A run in which no image was classified has measured nothing, and is no success."""
    if environment.stats.get(NAME, "POST").num_requests == 0:
        logging.getLogger(__name__).error("No image was classified")
        environment.process_exit_code = 1


class Radiographer(FastHttpUser):  # type: ignore[misc] # locust is Any here
    """Posts one image after the other and checks each answer."""

    wait_time = constant(0)

    def on_start(self) -> None:
        """Begin somewhere in the folder, so that users post different images at one time."""
        images = self.environment.images
        first = SystemRandom().randrange(len(images))
        self.images = cycle(images[first:] + images[:first])
        key = self.environment.parsed_options.api_key
        self.key = {"X-API-Key": key} if key else {}

    @task  # type: ignore[untyped-decorator]
    def predict(self) -> None:
        """Have the next image classified."""
        image = next(self.images)
        with self.client.post(
            NAME, data=image.body, headers={"Content-Type": image.media_type, **self.key}, catch_response=True
        ) as response:
            if not response.status_code:
                response.failure(f"no answer: {response.error}")
                return
            try:
                outcome = read_outcome(response.status_code, response.headers, response.content)
            except WrongAnswer as error:
                response.failure(str(error))
                return
            if outcome is Outcome.REFUSED:
                response.request_meta["name"] = REFUSED_NAME
            response.success()
