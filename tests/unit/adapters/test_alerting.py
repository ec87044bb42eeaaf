"""People are told in their own time; nobody waits for them, and no address is ever shown."""

import asyncio
import logging

import pytest
from pydantic import SecretStr

from qt_ray.adapters.alerting import QUEUE_MAX, TRIES_MAX, Alerting, DeadMan, Webhook, letter
from qt_ray.core.errors import Retryable
from qt_ray.core.events import event
from qt_ray.core.payloads import HealthChanged
from qt_ray.monitoring.alerts import Alert, AlertBook, Severity
from qt_ray.monitoring.troubles import trouble_of

pytestmark = pytest.mark.unit

SECRET = "http://127.0.0.1:1/hooks/T0P-S3CRET"  # nobody listens there


def alert(key: str = "fire", severity: Severity = Severity.CRITICAL) -> Alert:
    return Alert(key, severity, "fire", "in the desk", 0, 0, told=1)


class Person:
    """Hears what is said, or does not pick up so many times."""

    def __init__(self, misses: int = 0) -> None:
        self.heard: list[str] = []
        self.misses, self.is_closed = misses, False

    async def say(self, alert: Alert) -> None:
        if self.misses:
            self.misses -= 1
            raise Retryable("alerts: an address answers, did not")
        self.heard.append(alert.key)

    async def close(self) -> None:
        self.is_closed = True


async def delivered(alerting: Alerting, count: int, *outcomes: str) -> None:
    running = asyncio.create_task(alerting.run())
    while sum(alerting.counts[outcome] for outcome in outcomes) < count:
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])


def test_each_alert_reaches_each_person_in_order() -> None:
    async def story() -> None:
        ann, bob = Person(), Person(misses=TRIES_MAX - 1)
        alerting = Alerting([ann, bob], again_s=0)
        alerting.tell(alert("one"))
        alerting.tell(alert("two"))
        await delivered(alerting, 4, "delivered")
        assert ann.heard == bob.heard == ["one", "two"]
        await alerting.close()
        assert ann.is_closed

    asyncio.run(story())


def test_who_does_not_pick_up_holds_up_nobody_and_is_counted() -> None:
    async def story() -> None:
        deaf, bob = Person(misses=10**9), Person()
        alerting = Alerting([deaf, bob], again_s=0)
        alerting.tell(alert())
        await delivered(alerting, 2, "delivered", "undelivered")
        assert bob.heard == ["fire"]
        assert alerting.counts == {"undelivered": 1, "delivered": 1}

    asyncio.run(story())


def test_a_full_queue_gives_up_what_matters_least() -> None:
    async def story() -> None:
        bob = Person()
        alerting = Alerting([bob])
        alerting.tell(alert("small", Severity.INFO))
        for number in range(QUEUE_MAX):
            alerting.tell(alert(f"big {number}"))
        await delivered(alerting, QUEUE_MAX, "delivered")
        assert bob.heard == [f"big {number}" for number in range(QUEUE_MAX)]

    asyncio.run(story())


def test_an_address_is_in_no_error_and_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        webhook, dead_man = Webhook(SecretStr(SECRET)), DeadMan(SecretStr(SECRET))
        for asked in (webhook.say(alert()), dead_man.ping()):
            with pytest.raises(Retryable, match="an address answers") as refused:
                await asked
            assert "S3CRET" not in str(refused.value)
            assert refused.value.__cause__ is None
        await webhook.close()
        await dead_man.close()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(story())
    assert "S3CRET" not in caplog.text


def test_a_letter_says_all_that_a_person_and_a_program_need() -> None:
    assert letter(alert())["text"] == "[CRITICAL] fire: in the desk"
    assert letter(alert())["since"] == "1970-01-01T00:00:00.000Z"


@pytest.mark.requirement("Sprint5-4")
@pytest.mark.sprint5
def test_a_model_without_a_say_is_a_warning_in_the_log_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    book, why = AlertBook(), "models are asked in full, the last time in_haste"
    said = event("health.changed", HealthChanged("Predictor", "HEALTHY", "DEGRADED", why), "Monitor", 1)
    trouble = trouble_of(said)
    assert trouble is not None
    book.hear(trouble, 1)
    (due,) = book.due(1)
    Alerting([]).tell(due)
    (line,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert line.getMessage() == "Predictor is DEGRADED"
    assert line.__dict__["detail"] == why
