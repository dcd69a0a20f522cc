"""Several processes as one: what workers tell the master, and that it hears all of it before it ends.

Locust's master waits half a second for the last reports of its workers (`MasterRunner.quit`), while they wait for the
answers to what they have sent; so at the end of a run under load, counts are lost (a third of them in
`test_a_master_tells_of_all_that_its_workers_sent`). Here the master has its workers
end their users first, and waits for each to say that it has told everything.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from gevent.event import Event  # type: ignore[import-untyped]
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadtests.load.tally import Tally

_KEY: Final = "pulmo"
_DRAIN: Final = "pulmo_drain"
_DRAINED: Final = "pulmo_drained"
_GRACE_S: Final = 30.0
"""How much longer than the timeout for their last answers the workers may take."""


def join_workers(environment: Environment, tally: Tally) -> None:
    """Have the tallies of workers told to the master, where there are any."""
    if isinstance(environment.runner, WorkerRunner):
        _tell(environment, tally)
    elif isinstance(environment.runner, MasterRunner):
        _listen(environment, tally)


def _tell(environment: Environment, tally: Tally) -> None:
    def report(data: dict[str, Any], **_: object) -> None:
        data[_KEY] = tally.to_message()

    def drain(environment: Environment, **_: object) -> None:
        environment.runner.stop()
        data: dict[str, Any] = {}
        environment.events.report_to_master.fire(client_id=environment.runner.client_id, data=data)
        environment.runner.send_message("stats", data)
        environment.runner.send_message(_DRAINED)

    environment.events.report_to_master.add_listener(report)
    environment.runner.register_message(_DRAIN, drain, concurrent=True)


def _listen(environment: Environment, tally: Tally) -> None:
    waiting: set[str] = set()
    all_told = Event()

    def hear(client_id: str, data: Mapping[str, Any], **_: object) -> None:
        if _KEY in data:
            tally.hear(client_id, data[_KEY])

    def drained(msg: Any, **_: object) -> None:  # noqa: ANN401 - locust is Any here
        waiting.discard(msg.node_id)
        if not waiting:
            all_told.set()

    def drain(environment: Environment, **_: object) -> None:
        waiting.update(client.id for client in environment.runner.clients.all)
        all_told.clear()
        for worker in tuple(waiting):
            environment.runner.send_message(_DRAIN, client_id=worker)
        if waiting and not all_told.wait((environment.stop_timeout or 0) + _GRACE_S):
            logging.getLogger(__name__).error("%d workers did not tell what they counted", len(waiting))

    environment.events.worker_report.add_listener(hear)
    environment.runner.register_message(_DRAINED, drained)
    environment.events.test_stopping.add_listener(drain)
