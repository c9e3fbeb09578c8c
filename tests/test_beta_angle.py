"""The law of θ and its tilted quadrature against generalised hypergeometric functions."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from theory.known_prompt.beta_angle import TiltedAngle, log_expected_cosine

SHAPES = [(1, 1), (1, 7), (1, 10**9), (2, 300), (40, 60), (10**4, 1), (10**5, 3), (10**9, 10**9), (3, 10**12)]


def exact_log_means(a, b, tilt):
    """log E e^{-ω c}, and log E c: the even and the odd powers of c sum up to one 1F2 each, in 60 digits."""
    with mp.workdps(60 + int(tilt)):
        half, total, tilt = mp.mpf(a) / 2, mp.mpf(a + b) / 2, mp.mpf(float(tilt))
        shift = mp.mpf(1) / 2
        mean = mp.gammaprod([half + shift, total], [half, total + shift])
        even = mp.hyper([half], [shift, total], tilt**2 / 4)
        odd = mp.hyper([half + shift], [3 * shift, total + shift], tilt**2 / 4)
        return float(mp.log(even - tilt * mean * odd)), float(mp.log(mean))


@pytest.mark.parametrize(
    ("a", "b", "logit"),
    [
        *((a, b, -300.0) for a, b in SHAPES),
        *((a, b, logit) for a, b in ((1, 1), (1, 7), (2, 300), (40, 60)) for logit in (-3.0, 0.0, 2.0)),
        *((1, 10**9, -9.0), (10**4, 1, -4.0), (10**5, 3, -6.0), (10**9, 10**9, -16.0)),
    ],
)
def test_tilted_means(a, b, logit):
    angle = TiltedAngle(np.array([float(a)]), np.array([float(b)]), np.array([logit]))
    _, log_weight = angle.nodes(80)
    log_mean = np.log(np.exp(log_weight).sum()) + angle.log_peak()[0] - angle.tilt[0] * angle.cosine[0]
    expected, _ = exact_log_means(a, b, angle.tilt[0])
    # Roundings of ω cos θ and of a hundred terms; the rule itself is good to 1e-15 with twice the usual nodes.
    assert abs(log_mean - expected) < np.finfo(float).eps * (64 + 4 * angle.tilt[0])


@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_expected_cosine(a, b):
    n, p = float(b + 1), float(a + b)  # a = p - n + 1, b = n - 1
    assert abs(log_expected_cosine(np.array(n), np.array(p)) - exact_log_means(a, b, 0.0)[1]) < 1e-14  # fifty roundings
