"""Checks as aligned text and as comma-separated values."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields

from numerics.verification.check import Check

SIGNS = {"=": "=", ">=": "<="}
"""The relation of a simulated number to its prediction, read from the prediction, which stands before it."""


def as_text(checks: Sequence[Check]) -> str:
    """Return a table for the eye, a line a check."""
    lines = [
        f"{'claim':40} {'setting':32}  {'predicted':>11}     {'simulated':>11}  {'std. error':>10}  "
        f"{'detectable':>10}  verdict"
    ]
    for one in checks:
        lines.append(
            f"{one.id:40} {one.setting:32}  {one.predicted:11.6g}  {SIGNS[one.relation]:2} {one.simulated:11.6g}  "
            f"{one.standard_error:10.1e}  {one.detectable:10.2%}  {one.verdict}"
        )
    return "\n".join(lines)


def as_csv(checks: Sequence[Check]) -> str:
    """Return every field of every check; the interval in two columns, nested parameters as JSON in one.

    But for the seconds: the table of one seed is the same to the last byte, however it was computed.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [field.name for field in fields(Check) if field.name != "seconds"]
    place = names.index("interval")
    writer.writerow([*names[:place], "interval_low", "interval_high", *names[place + 1 :]])
    for one in checks:
        row = asdict(one) | {"parameters": json.dumps(one.parameters, sort_keys=True)}
        values = [row[name] for name in names]
        writer.writerow([*values[:place], *one.interval, *values[place + 1 :]])
    return text.getvalue()
