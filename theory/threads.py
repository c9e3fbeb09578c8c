"""Environment variables that tell NumPy's linear algebra, when it is loaded, how many threads to use."""

from __future__ import annotations

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
