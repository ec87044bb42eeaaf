"""Settings of alerts: whom the fund wakes, when it may not, and who wakes somebody when the fund is silent.

An address that alerts are posted to is a secret: whoever knows it can speak in the fund's name.
"""

from typing import Annotated

from pydantic import Field, SecretStr

from qt_ray.adapters.settings_values import Count, Section
from qt_ray.monitoring.alerts import Quiet

MinuteOfDay = Annotated[int, Field(strict=True, ge=0, lt=1_440)]


class Alerts(Section):
    """Who is told of trouble, and when."""

    webhook: SecretStr | None = None
    """Address that alerts are posted to as JSON; null writes them to the log alone."""
    dead_man: SecretStr | None = None
    """Address that is asked every minute while the fund is watched, so that silence wakes somebody; null asks none."""
    quiet_from_minute: MinuteOfDay = 0
    """Minute of the day, UTC, from which nobody is woken for less than a critical trouble."""
    quiet_until_minute: MinuteOfDay = 0
    """Minute of the day, UTC, at which the quiet hours end; the same minute as their beginning is never."""
    escalate_ms: Count = 300_000
    """A critical trouble that nobody has acknowledged is told again after so long."""

    @property
    def quiet(self) -> Quiet:
        """Return the quiet hours."""
        return Quiet(self.quiet_from_minute, self.quiet_until_minute)
