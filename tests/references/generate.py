"""Write known_prompt_errors.csv: 504 settings, each with the averaging and the least-squares error to 50 digits.

Run as `make references`; it takes about half an hour on two cores.  Nothing here imports the toolkit.
"""

from __future__ import annotations

import csv
import math
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import mpmath as mp
import numpy as np
from zonal_series import WANTED_DIGITS, reference_error

SEED = 20261121
TABLE = Path(__file__).with_name("known_prompt_errors.csv")
FIELDS = ("group", "samples", "dimension", "kappa", "averaging", "least_squares")


def settings() -> list[tuple[str, int, int, float]]:
    """Return 300 settings log-uniform over the whole range, 100 on its edges, 100 in the tail and 4 near 1e-300."""
    rng = np.random.default_rng(SEED)

    def log_uniform(low: float, high: float) -> float:
        return float(math.exp(rng.uniform(math.log(low), math.log(high))))

    rows = [("wide", round(log_uniform(1, 1e6)), round(log_uniform(1, 1e6)), log_uniform(1e-6, 30)) for _ in range(300)]
    for edge in range(100):
        size = round(log_uniform(1, 1e6))
        shape = [(size, size), (1, size), (2, size), (size, 1), (size, 2), (size, size + 1), (size + 1, size)][edge % 7]
        rows.append(("edge", *shape, log_uniform(1e-3, 10)))
    for group, count, lowest_kappa, highest_kappa, lowest_ratio in (
        ("tail", 100, 8, 30, 9),
        ("deep", 4, 30, 36.9, 30),
    ):
        found = 0
        while found < count:
            samples, dimension = round(log_uniform(1, 1e6)), round(log_uniform(1, 1e6))
            kappa = log_uniform(lowest_kappa, highest_kappa)
            ratio = kappa**2 * math.sqrt(samples) / math.sqrt(kappa**2 * (samples + 1) + dimension)
            if lowest_ratio < ratio < 36.9:
                rows.append((group, samples, dimension, kappa))
                found += 1
    return rows


def row(setting: tuple[str, int, int, float]) -> dict[str, str]:
    """Compute both references of one setting."""
    group, samples, dimension, kappa = setting
    values = [reference_error(samples, dimension, kappa, least_squares=flag) for flag in (False, True)]
    averaging, least_squares = (mp.nstr(value, WANTED_DIGITS) for value in values)
    return dict(zip(FIELDS, (group, samples, dimension, repr(kappa), averaging, least_squares), strict=True))


def main() -> None:
    """Compute every row, in parallel, and write the table in one piece."""
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(row, settings()))
    partial = TABLE.with_suffix(".partial")
    with partial.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(partial, TABLE)


if __name__ == "__main__":
    main()
