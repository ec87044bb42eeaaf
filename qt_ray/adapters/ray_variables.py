"""Ray variables: what the environment says before Ray is imported or begun, the same for every process of ours.

A word that the user has set already stays. Ray reads some of them when it is imported: set later, what is started would
ask this process for a token that it has never heard of. What decisions need is said wherever a fund may trade. A Ray of
our own carries one fund on one machine besides, and is told not to look ten times a second at what hardly ever changes
there.
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
DECIDING = MappingProxyType(
    {
        # Ray ends restartable actors first when memory runs short, which are those that trade.
        "RAY_memory_monitor_refresh_ms": "0",
        # What a hundred symbols want goes from stage to stage within its call; the way over the object store is longer.
        "RAY_max_direct_call_object_size": "1048576",
        # Ray lets its workers give way to whatever else runs: a kill switch then waits for somebody's batch job.
        "RAY_worker_niceness": "0",
        # Every process of Ray's keeps books of each of its own steps, a fifth of what it costs to be there.
        "RAY_event_stats": "0",
        # A request is carried by one loop of a process instead of three: the hops cost more than a forecast.
        "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
        "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
    }
)
TRADING = MappingProxyType(
    {
        **DECIDING,
        # Parts ask each other dozens of times a second; a hundred thousand of these calls would be kept to be listed.
        "RAY_task_events_report_interval_ms": "0",
        # One worker waits for every processor of the machine, sixty megabytes each, for tasks that no fund has.
        "RAY_prestart_worker_first_driver": "0",
        "RAY_num_workers_soft_limit": "1",
        # Nobody else uses this machine's share of the cluster, and its disk does not fill up within a second.
        "RAY_raylet_report_resources_period_milliseconds": "1000",
        "RAY_raylet_check_gc_period_milliseconds": "1000",
        "RAY_local_fs_monitor_interval_ms": "1000",
        "RAY_kill_idle_workers_interval_ms": "1000",
        # There are no machines to begin or to end.
        "AUTOSCALER_UPDATE_INTERVAL_S": "60",
        # What workers print lies in files that `ray logs` reads; no driver of ours shows it line by line.
        "RAY_LOG_MONITOR_MANY_FILES_THRESHOLD": "0",
        "LOG_NAME_UPDATE_INTERVAL_S": "86400",
        # The dashboard itself looks every fifteen seconds.
        "REPORTER_UPDATE_INTERVAL_MS": "15000",
        "METRICS_RECORD_INTERVAL_S": "15",
        # Serve's replicas are looked after twice a second.
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
        # A proxy that was missed three times is begun anew; every ten seconds, the console is away for half a minute.
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    }
)


def export(trades: bool = False) -> None:
    """Set what is not set yet; `trades` for a Ray of our own, which lives for one fund on this machine."""
    told = {**ENVIRONMENT, **(TRADING if trades else {}), **({} if "ray" in sys.modules else AT_IMPORT)}
    for name, value in told.items():
        os.environ.setdefault(name, value)
