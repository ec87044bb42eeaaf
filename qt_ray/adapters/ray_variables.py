"""Ray variables: what the environment says before Ray is imported or begun, the same for every process of ours.

A word that the user has set already stays. Ray reads some of them when it is imported: set later, what is started would
ask this process for a token that it has never heard of.
"""

import os
import sys
from types import MappingProxyType

ENVIRONMENT = MappingProxyType(
    {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "OMP_NUM_THREADS": "1",
    }
)
AT_IMPORT = MappingProxyType({"RAY_AUTH_MODE": "token"})
# Ray ends restartable actors first when memory runs short, which are those that trade.
TRADING = MappingProxyType({"RAY_memory_monitor_refresh_ms": "0"})


def export(trades: bool = False) -> None:
    """Set what is not set yet; `trades` on a machine whose actors must not be ended for somebody else's memory."""
    told = {**ENVIRONMENT, **(TRADING if trades else {}), **({} if "ray" in sys.modules else AT_IMPORT)}
    for name, value in told.items():
        os.environ.setdefault(name, value)
