"""Benchmarks: each published number has a script here, and every script answers in one form.

One thread per process unless a row says otherwise; libraries read these variables when they are imported.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
