"""No alert is left out of those that are caused for real."""

from monitoring.tests import test_alerting_host as host
from monitoring.tests import test_alerting_load as load
from monitoring.tests import test_alerting_model as model
from monitoring.tests import test_alerting_service as service
from monitoring.tests.test_alerts import ALERTS


def test_every_alert_is_caused_for_real() -> None:
    """Each has a test in which real processes cause it, and in which it is heard, and heard to end."""
    caused = [alert for tests in (service, load, model, host) for alert in tests.CAUSED]

    assert sorted(caused) == sorted({alert.name for alert in ALERTS})
