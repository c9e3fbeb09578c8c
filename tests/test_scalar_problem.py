"""Heads that the theory solves for, put into the equations that are derived for them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq
from scipy.stats import norm

from theory import AttentionLaw, logistic_head, max_margin_head
from theory.derivations import derive

LAW = AttentionLaw(np.array([0.6, 1.5, -0.2]), np.array([0.8, 1.1, 0.5]), np.array([0.5, 0.3, 0.2]))
MARGINS = np.linspace(-30, 30, 6001)
"""At a step of 1/100 a trapezoid in u is exact to rounding; farther out there is no normal number."""


def means(v, along, across):
    """Return a, W E[M f] and E[S² f²] with the margin u for variable, so that no equation need be solved."""
    totals = np.zeros(3)
    for signal, noise, weight in zip(LAW.signal, LAW.noise, LAW.weight, strict=True):
        q = v * noise**2
        x = derive("logistic-margin").value(u_m=MARGINS, q_m=q)
        slope = derive("logistic-slope").value(u_m=MARGINS, q_m=q)
        spread = noise * np.hypot(along, across)
        # b = -df/dx and u = x + q f, so that du/dx = 1 - q b.
        density = norm.pdf((x - signal * along) / spread) / spread / (1 - q * slope) * weight * 0.01
        force = (MARGINS - x) / q
        totals += [density @ (noise**2 * slope), density @ (signal * force), density @ (noise * force) ** 2]
    return totals


@pytest.mark.parametrize(("ratio", "ridge"), [(0.2, 0.1), (0.5, 0.01), (2.0, 0.3)])
def test_the_logistic_head_solves_its_equations(ratio, ridge):
    """To a hundred times the residual of 1e-11 with which they count as solved."""
    head = logistic_head(LAW, ratio, ridge)

    def missing(log_v):
        bent = means(np.exp(log_v), head.along, head.across)[0]
        return derive("logistic-effective-ridge").value(V=np.exp(log_v), ESb=bent, **{"lambda": ridge}) - ratio

    v = np.exp(brentq(missing, -10, 10, xtol=1e-14))
    _, pull, force = means(v, head.along, head.across)
    assert_allclose(derive("logistic-along").value(V=v, W=1.0, EMf=pull, gamma=ratio), head.along, rtol=1e-9)
    assert_allclose(derive("logistic-across").value(V=v, ESf=force, gamma=ratio), head.across, rtol=1e-9)


@pytest.mark.parametrize("ratio", [0.6, 1.5])
def test_the_max_margin_head_solves_its_equations(ratio):
    """To the bracketing of its roots, 1e-13, over slopes of order 1."""
    head = max_margin_head(LAW, ratio)
    numbers = {
        "r_m": 1 / np.hypot(head.along, head.across),
        "c_w": head.overlap,
        "kappa": LAW.signal / LAW.noise,
        "S": LAW.noise,
        "gamma": ratio,
    }
    for name in ("max-margin-excess", "max-margin-slope"):
        assert abs(LAW.weight @ derive(name).value(**numbers)) < 1e-12
