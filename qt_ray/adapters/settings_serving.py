"""Serving settings: how long anybody waits for models, and how much is asked of them over HTTP at once."""

from qt_ray.adapters.settings_values import Count, Section


class Serving(Section):
    """Models at work."""

    deadline_ms: Count = 200
    """Time within which the fund's models have an opinion on a bar, or none; what is late is dropped."""
    replicas: Count = 1
    """Processes that answer forecasts over HTTP; each holds the models once."""
    request_ms_max: Count = 2_000
    """Longest time a forecast over HTTP may take, whatever its deadline says."""
    waiting_max: Count = 32
    """Requests that wait at one process; one more is told to come again."""
    body_bytes_max: Count = 4_194_304
    """Largest body of a request."""
    symbols_max: Count = 64
    """Most symbols in one request."""
    bars_max: Count = 3_000
    """Most bars of one symbol in a request."""
