"""Write exact_risks.csv: 1,030 random models, each with its test error and what that is uncertain by.

Run as `make references`; it takes about half an hour on two cores.  A model whose two contours do not meet keeps its
row, with an uncertainty above 1e-12, and checks nothing.  Nothing here imports the toolkit.
"""

from __future__ import annotations

import csv
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from contour_risk import risk
from random_models import RandomModel, draw_models

TABLE = Path(__file__).with_name("exact_risks.csv")
COORDINATES = [f"{name}{i}" for name, count in (("c", 1), ("s", 2), ("q", 3), ("w", 4)) for i in range(1, count + 1)]
FIELDS = ("group", "tokens", "relevant", "noise", "kind", *COORDINATES, "deltas", "error", "uncertainty")


def row(model: RandomModel) -> dict[str, str]:
    """Compute one reference; below the diagonal a triangular factor is 0, and deltas are written a:b:p,a:b:p."""
    value, uncertainty = risk(model.vectors, model.tokens, model.relevant, model.sigma, model.kind, model.deltas)
    numbers = [repr(vector[i]) for count, vector in enumerate(model.vectors, start=1) for i in range(count)]
    return {
        "group": model.group,
        "tokens": str(model.tokens),
        "relevant": str(model.relevant),
        "noise": repr(model.sigma),
        "kind": model.kind,
        **dict(zip(COORDINATES, numbers, strict=True)),
        "deltas": ";".join(":".join(map(repr, delta)) for delta in model.deltas),
        "error": repr(value),
        "uncertainty": f"{uncertainty:.1e}",
    }


def main() -> None:
    """Compute every row, in parallel, and write the table in one piece."""
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(row, draw_models()))
    partial = TABLE.with_suffix(".partial")
    with partial.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(partial, TABLE)


if __name__ == "__main__":
    main()
