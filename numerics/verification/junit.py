"""Checks as JUnit XML: a continuous-integration server shows each claim as a test."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from numerics.verification.check import Check


def as_junit(checks: Sequence[Check]) -> str:
    """Return the document: a refuted check is a failure, an undecided one is skipped.

    Example:
        >>> as_junit([]).splitlines()[1]
        '<testsuites><testsuite name="theory" tests="0" failures="0" skipped="0" time="0.000" /></testsuites>'
    """
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name="theory",
        tests=str(len(checks)),
        failures=str(sum(one.verdict == "refuted" for one in checks)),
        skipped=str(sum(one.verdict == "undecided" for one in checks)),
        time=f"{sum(one.seconds for one in checks):.3f}",
    )
    for one in checks:
        case = ElementTree.SubElement(suite, "testcase", classname=one.id, name=one.setting, time=f"{one.seconds:.3f}")
        sentence = (
            f"predicted {one.predicted:.6g}, simulated {one.simulated:.6g}, standard error {one.standard_error:.2g}; "
            f"evidence against the claim 10^{one.log10_e:.1f}; a deviation of {one.detectable:.2%} would be found"
        )
        if one.verdict == "refuted":
            ElementTree.SubElement(case, "failure", message=sentence).text = one.statement
        elif one.verdict == "undecided":
            ElementTree.SubElement(case, "skipped", message=f"too weak to say: {sentence}")
        else:
            ElementTree.SubElement(case, "system-out").text = sentence
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'
