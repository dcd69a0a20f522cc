"""Users of the service, for Locust.

    locust                                        # the page at http://127.0.0.1:8089; what it starts with: locust.conf
    locust --headless --scenario baseline         # a scenario of loadtests/load/scenarios.py, to its end
    locust --headless --scenario spike --quick 10 --processes 2

`make load` runs these too, and compares what they sent with what the gateway counted.
"""

from locust import events

from loadtests.load import options, session
from loadtests.load.users import Radiographer

__all__ = ["Radiographer"]

options.add_to(events)
session.add_to(events)
