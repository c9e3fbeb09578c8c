"""Moments of fluctuating attention against 630 settings known to 28 digits (tests/references)."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

from tests.references.lattice_moments import COARSE, Moments, apart, means, moments
from theory import AttentionMoments, ContextualMixture, attention_moments

TABLE = Path(__file__).parent / "references" / "attention_moments.csv"
PROMISED = 1e-10
DIGITS = 40
LAST_DIGIT = 1e-29
"""The table has 30 digits."""

PARTS = ("share", "share_square", "noise_square")
DIFFERENCES = ("signal", "signal_square", "snr_square")


class Row:
    """One setting: m, s, R, δ_q, log c and the six moments."""

    def __init__(self, row):
        self.terms, self.relevant = int(row["irrelevant"]), int(row["relevant"])
        self.spread, self.delta_context = float(row["spread"]), float(row["delta_context"])
        self.uncertainty = float(row["uncertainty"])
        with mp.workdps(DIGITS):
            self.log_constant = mp.log(self.relevant) + (1 + mp.mpf(self.delta_context)) * mp.mpf(self.spread)
            self.moments = Moments(*(mp.mpf(row[name]) for name in Moments._fields))

    def computed(self, delta_signal=0.0, terms=None, spread=None):
        """What the toolkit says, or would say of another m and s with the same c."""
        m, s = terms or self.terms, spread or self.spread
        delta_context = (1 + self.delta_context) * (self.spread / s) - 1
        mixture = ContextualMixture(
            5, m + self.relevant, self.relevant, delta_context=delta_context, delta_signal=delta_signal
        )
        return attention_moments(mixture, s)

    def exact(self, delta_signal=0.0):
        """The moments of A, S and M with W = σ = 1."""
        share, share_square, noise_square, inverse, mean_ratio, square_ratio = self.moments
        with mp.workdps(DIGITS):
            delta, c = mp.mpf(delta_signal), mp.exp(self.log_constant)
            return {
                "share": share,
                "share_square": share_square,
                "noise_square": noise_square,
                "signal": share - delta * (1 - share),
                "signal_square": share_square
                - 2 * delta * (share - share_square)
                + delta**2 * (1 - 2 * share + share_square),
                "snr_square": c**2 * inverse - 2 * delta * c * mean_ratio + delta**2 * square_ratio,
            }


@cache
def table():
    with TABLE.open(newline="") as stream:
        return [Row(row) for row in csv.DictReader(stream)]


def error_of(got, exact):
    """Return the error of a float, and its share of the exact value."""
    with mp.workdps(DIGITS):
        error = abs(mp.mpf(float(got)) - exact)
        return float(error), float(error / abs(exact))


def bound_of(result: AttentionMoments, name):
    if name in PARTS:
        return getattr(result, name) * result.relative_error
    return getattr(result, f"{name}_error")


def test_the_table_covers_the_promised_ranges():
    rows = table()
    assert len(rows) == 630
    assert max(row.uncertainty for row in rows) < 2e-28
    assert {row.terms for row in rows} >= {1, 2, 3, 10**6}
    assert (min(row.spread for row in rows), max(row.spread for row in rows)) == (1e-5, 5)
    assert max(row.log_constant for row in rows) > 299
    assert min(row.log_constant for row in rows) < -299
    # Heavy tails: E 1/ΣL² a thousand times larger than for weights of 1, or smaller.
    assert sum(row.moments.inverse * row.terms > 1000 for row in rows) > 50
    assert sum(row.moments.inverse * row.terms < 0.001 for row in rows) > 50


def test_every_moment_has_the_promised_accuracy_and_stays_within_its_bound():
    """Without δ_w nothing cancels: E M, E M² and E κ² are as good as the rest."""
    for row in table():
        result, exact = row.computed(), row.exact()
        assert result.relative_error < PROMISED / 100
        for name in (*PARTS, *DIFFERENCES):
            error, share = error_of(getattr(result, name), exact[name])
            assert share <= PROMISED, (name, vars(row))
            assert error <= bound_of(result, name), (name, vars(row))


@pytest.mark.parametrize("delta_signal", [0.7, -0.4, 20.0])
def test_what_cancels_stays_within_its_bound(delta_signal):
    shares = []
    for row in table()[::2]:
        result, exact = row.computed(delta_signal), row.exact(delta_signal)
        for name in DIFFERENCES:
            error = error_of(getattr(result, name), exact[name])[0]
            assert error <= bound_of(result, name), (name, vars(row))
            shares.append(bound_of(result, name) / getattr(result, name))
    # Bounds that say nothing would pass.  92 % of these are below 1e-10 where most cancels, at δ_w = 20.
    assert np.median(np.abs(shares)) < 1e-12
    assert np.mean(np.abs(shares) < PROMISED) > 0.9


def test_a_signal_that_cancels_altogether_has_a_bound_of_its_own():
    """δ_w = E A/(1 - E A), rounded: E M is nothing but rounding."""
    row = next(row for row in table() if (row.terms, row.spread, row.relevant) == (10, 1.0, 3))
    share = float(row.moments.share)
    delta = share / (1 - share)
    result, exact = row.computed(delta), row.exact(delta)
    assert error_of(result.signal, exact["signal"])[0] <= result.signal_error < 1e-12
    assert result.signal_error > abs(result.signal) / 100
    assert error_of(result.snr_square, exact["snr_square"])[0] <= result.snr_square_error


@pytest.mark.parametrize(
    ("wrong", "seen"),
    [
        # One token more: nothing changes where c is e^300 or e^-300 and the moment is 0 or 1 to all digits.
        (lambda row: {"terms": row.terms + 1}, 0.7),
        # Scores larger by 1e-8 at the same c: weak scores of 1e-5 and 1e-3 hardly matter.
        (lambda row: {"spread": min(row.spread * (1 + 1e-8), 5.0)}, 0.4),
    ],
)
def test_the_check_would_see_a_wrong_formula(wrong, seen):
    rows = table()[::3]
    caught = dict.fromkeys((*PARTS, "snr_square"), 0)
    for row in rows:
        result, exact = row.computed(**wrong(row)), row.exact()
        for name in caught:
            caught[name] += error_of(getattr(result, name), exact[name])[0] > bound_of(result, name)
    assert min(caught.values()) > seen * len(rows), caught


@pytest.mark.parametrize("exponent", [400.0, -400.0])
def test_what_is_beyond_the_range_of_floats_is_infinite_or_nothing(exponent):
    result = attention_moments(ContextualMixture(5, 8, 1, delta_context=exponent - 1), 1.0)
    assert result.snr_square == (np.inf if exponent > 0 else 0)
    assert result.snr_square_error == result.snr_square
    assert (result.noise_square == 0) == (exponent > 0)
    assert (result.share_square == 0) == (exponent < 0)


def test_c_far_beyond_floats_keeps_its_logarithm():
    """A weak noise and a long context: log c = 5e6, and attention is all on the relevant tokens."""
    result = attention_moments(ContextualMixture(5, 8, 1, context_norm=1000.0, noise=1e-3), 5.0)
    assert result.share == pytest.approx(1, abs=result.relative_error)
    assert result.noise_square == 0


# --- the table itself ---


def test_one_token_has_closed_forms_and_one_integral():
    """E 1/L² = e^{2s²}, E 1/L = e^{s²/2}, and the rest by the trapezoidal rule over the score, without Laplace."""
    for row in (row for row in table() if row.terms == 1):
        with mp.workdps(DIGITS):
            s, c = mp.mpf(row.spread), mp.exp(row.log_constant)
            # The poles of 1/(c + L) are π/s from the real line: the rule errs by e^{-2π²/(s step)}, a share of 1e-30.
            step = 1 / (3 + 4 * s)
            g = [j * step for j in range(-int((13 + 2 * s) / step), int((13 + 2 * s) / step) + 1)]
            weights = [mp.exp(-(x**2) / 2) * step / mp.sqrt(2 * mp.pi) for x in g]
            ell = [mp.exp(s * x) for x in g]
            rest = [1 / (c + x) for x in ell]
            means = (
                mp.fsum(w * c * r for w, r in zip(weights, rest, strict=True)),
                mp.fsum(w * (c * r) ** 2 for w, r in zip(weights, rest, strict=True)),
                mp.fsum(w * (x * r) ** 2 for w, x, r in zip(weights, ell, rest, strict=True)),
            )
            direct = Moments(*means, mp.exp(2 * s**2), mp.exp(s**2 / 2), mp.mpf(1))
        assert apart(direct, row.moments) < row.uncertainty + LAST_DIGIT


def test_two_tokens_are_a_double_sum_over_scores():
    row = next(row for row in table() if (row.terms, row.spread, row.relevant) == (2, 0.5, 3))
    with mp.workdps(DIGITS):
        s, c, step = mp.mpf(row.spread), mp.exp(row.log_constant), mp.mpf(1) / 4
        g = [j * step for j in range(-52, 53)]
        scores = [(mp.exp(-(x**2) / 2) * step / mp.sqrt(2 * mp.pi), mp.exp(s * x)) for x in g]
        totals = [mp.mpf(0)] * 6
        for i, (first, a) in enumerate(scores):
            for second, b in scores[: i + 1]:
                weight = first * second * (1 if a == b else 2)
                one, two = a + b, a**2 + b**2
                share = c / (c + one)
                values = (share, share**2, two * (share / c) ** 2, 1 / two, one / two, one**2 / two)
                totals = [total + weight * value for total, value in zip(totals, values, strict=True)]
    # The nearest pole, where L₁² + L₂² = 0, is a = π/(2s) = π from the real line: e^{-2πa/step + a²/2} = 7e-33.
    assert apart(Moments(*totals), row.moments) < row.uncertainty + LAST_DIGIT


def assert_recomputed(spread, largest_log, most_terms):
    """The coarse rule gives what the table says to twice its uncertainty."""
    mean = means(mp.mpf(spread), mp.mpf(largest_log), most_terms, COARSE)
    rows = [row for row in table() if (row.spread, row.terms <= most_terms) == (spread, True)]
    rows = [row for row in rows if row.log_constant <= largest_log]
    assert len(rows) >= 10
    for row in rows:
        (value,) = moments(mean, [row.log_constant], row.terms)
        assert apart(value, row.moments) < 2 * row.uncertainty + LAST_DIGIT


def test_rows_of_the_table_are_what_the_lattice_gives():
    assert_recomputed(0.5, 8, 10)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("spread", [1e-5, 1e-3, 0.01, 0.1, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0])
def test_the_whole_table_is_what_the_lattice_gives(spread):
    assert_recomputed(spread, 300, 10**6)
