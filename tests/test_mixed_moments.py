"""Mixed moments of attention: integrals in 30 digits, brute force, and identities between them."""

from __future__ import annotations

import math
from dataclasses import asdict

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from tests.false_alarms import assert_mean
from theory.attention.mixed_moments import AttentionScores


def values(share, attention):
    """Return what the moments are means of, for attention on relevant tokens and on each irrelevant one."""
    squares = sum(p**2 for p in attention)
    return {
        "share": share,
        "share_square": share**2,
        "rest": 1 - share,
        "rest_square": (1 - share) ** 2,
        "share_rest": share * (1 - share),
        "share_square_rest": share**2 * (1 - share),
        "pair": squares,
        "share_pair": share * squares,
        "share_square_pair": share**2 * squares,
        "triple": sum(p**3 for p in attention),
        "pair_square": squares**2,
    }


@pytest.mark.parametrize(
    ("log_constant", "spread", "terms"),
    [
        *((0.7, 0.4, terms) for terms in (1, 2)),
        *((-2.0, 1.0, terms) for terms in (1, 2)),
        (3.0, 2.5, 1),
        pytest.param(3.0, 2.5, 2, marks=pytest.mark.slow),
    ],
)
def test_one_and_two_tokens_by_quadrature_over_their_scores(log_constant, spread, terms):
    """A trapezoid over the scores in 30 digits: it converges like e^{-π²/(s h)}, here below 1e-14."""
    with mpmath.workdps(30):
        step = mpmath.mpf(1) / (10 if terms == 1 else 8) / max(1, spread)
        nodes = [step * k for k in range(-int(9 / step), int(9 / step) + 1)]
        density = [step * mpmath.npdf(g) for g in nodes]
        scores = [(mpmath.exp(spread * g), p) for g, p in zip(nodes, density, strict=True)]
        constant = mpmath.exp(log_constant)
        totals = dict.fromkeys(values(0, [0]), mpmath.mpf(0))
        pairs = [((one,), p) for one, p in scores]
        if terms == 2:
            # The two tokens are alike: the second from the first on, twice off the diagonal.
            pairs = [
                ((one, other), p * r * (1 if i == j else 2))
                for i, (one, p) in enumerate(scores)
                for j, (other, r) in enumerate(scores[: i + 1])
                if p * r > 1e-18
            ]
        for weights, probability in pairs:
            total = constant + sum(weights)
            for name, value in values(constant / total, [w / total for w in weights]).items():
                totals[name] += probability * value
    found = asdict(AttentionScores(log_constant, terms, spread).moments())
    for name, total in totals.items():
        assert_allclose(found[name], float(total), rtol=1e-12, err_msg=name)
    assert found["relative_error"] < 1e-12


def test_many_tokens_by_brute_force():
    rng = np.random.default_rng(2)
    logits = np.concatenate([np.full((200_000, 1), 1.5), 1.2 * rng.standard_normal((200_000, 12))], axis=1)
    weights = np.exp(logits)
    weights /= weights.sum(axis=1, keepdims=True)
    found = asdict(AttentionScores(1.5, 12, 1.2).moments())
    for name, sample in values(weights[:, 0], weights[:, 1:].T).items():
        error = sample.std() / math.sqrt(len(sample))
        assert_mean(sample.mean(), error, found[name], detectable=0.06)


@settings(deadline=None, max_examples=60)
@given(
    log_constant=st.floats(-250, 250),
    terms=st.one_of(st.integers(0, 50), st.integers(51, 10**6)),
    spread=st.one_of(st.just(0.0), st.floats(1e-6, 5)),
)
def test_inequalities_between_moments(log_constant, terms, spread):
    """0 ≤ p ≤ 1, A + Σ p = 1, and Cauchy-Schwarz; each to the stated error."""
    found = AttentionScores(log_constant, terms, spread).moments()
    assert all(math.isfinite(value) and value >= 0 for value in asdict(found).values())
    slack = 1 + 4 * found.relative_error
    assert found.share <= slack
    assert found.share**2 <= found.share_square * slack
    assert found.share_square <= found.share * slack
    assert found.pair**2 <= found.pair_square * slack
    assert found.pair_square <= found.triple * slack
    assert found.triple <= found.pair * slack
    assert found.share_pair**2 <= found.share_square * found.pair_square * slack
    assert (1 - found.share) ** 2 <= max(terms, 1) * found.pair * slack + 1e-13


def test_attention_that_does_not_fluctuate():
    found = asdict(AttentionScores(0.3, 4, 0.0).moments())
    share = math.exp(0.3) / (math.exp(0.3) + 4)
    for name, value in values(share, [(1 - share) / 4] * 4).items():
        assert_allclose(found[name], value, rtol=1e-14)
    alone = asdict(AttentionScores(0.3, 0, 0.0).moments())
    assert alone == {**values(1.0, []), "relative_error": alone["relative_error"]}
