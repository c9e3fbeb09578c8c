"""Write attention_moments.csv: 630 settings of fluctuating attention, each with its six moments to 30 digits.

Run as `make references`; it takes about four minutes on one core.  Each moment is computed twice, with other steps and
ranges; their largest relative difference is stored beside the finer ones.  Nothing here imports the toolkit.

A setting has noise 1, |q*| = 1 and inverse temperature s, so that log c = log R + (1 + delta_q) s.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import mpmath as mp
from lattice_moments import COARSE, FINE, Moments, apart, means, moments

TABLE = Path(__file__).with_name("attention_moments.csv")
FIELDS = ("irrelevant", "spread", "relevant", "delta_context", *Moments._fields, "uncertainty")
DIGITS = 30
SPREADS = (1e-5, 1e-3, 0.01, 0.1, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
TERMS = (1, 2, 3, 10, 100, 10**3, 10**4, 10**5, 10**6)


def constants(terms: int, spread: float) -> Iterator[tuple[int, float, mp.mpf]]:
    """Yield R, delta_q and log c: without context to speak of, c far below, near and far above the other weights."""
    shares = ((1, -300), (1, -8), (3, 0.5), (max(terms // 4, 1), 1), (1000, 6), (10**6, 20), (1, 300))
    for relevant, exponent in shares:
        delta = exponent / spread - 1
        with mp.workdps(60):
            yield relevant, delta, mp.log(relevant) + (1 + mp.mpf(delta)) * mp.mpf(spread)


def rows(spread: float) -> list[dict[str, str]]:
    """Compute all references of one spread."""
    result = []
    coarse, fine = (means(mp.mpf(spread), mp.mpf(300), max(TERMS), grid) for grid in (COARSE, FINE))
    for terms in TERMS:
        settings = list(constants(terms, spread))
        logs = [log_constant for *_, log_constant in settings]
        both = (moments(mean, logs, terms) for mean in (coarse, fine))
        for (relevant, delta, _), rough, value in zip(settings, *both, strict=True):
            numbers = [mp.nstr(number, DIGITS, strip_zeros=False) for number in value]
            fields = (str(terms), repr(spread), str(relevant), repr(delta), *numbers, f"{apart(rough, value):.1e}")
            result.append(dict(zip(FIELDS, fields, strict=True)))
    return result


def main() -> None:
    """Compute every row, in parallel, and write the table in one piece."""
    with ProcessPoolExecutor() as pool:
        table = [row for part in pool.map(rows, SPREADS) for row in part]
    partial = TABLE.with_suffix(".partial")
    with partial.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    os.replace(partial, TABLE)


if __name__ == "__main__":
    main()
