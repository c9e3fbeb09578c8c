"""Stein's lemma against integrals: means over scores of one, two and three irrelevant tokens."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sympy import Rational, symbols

from theory.derivations.attention_mean import P_2, P_3, SUMS, A, AttentionMean, N, TokenSum, g, p, s
from theory.derivations.stein import SteinMean

SPREAD, CONSTANT = 0.7, 1.3
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(30)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def share(attention):
    return 1 - attention.sum(1)


def power(attention, k):
    return (attention**k).sum(1)


def by_quadrature(function, tokens):
    """Return E f(p, g), p and g of shape (places, tokens), by Gauss's rule in the score of each token."""
    places = np.array(list(itertools.product(range(len(NODES)), repeat=tokens)))
    scores, weights = NODES[places], np.exp(SPREAD * NODES[places])
    attention = weights / (CONSTANT + weights.sum(axis=1, keepdims=True))
    return WEIGHTS[places].prod(axis=1) @ function(attention, scores)


def in_numbers(mean, tokens):
    """Return a mean in terms of means of products of A and P, each by quadrature."""
    total = mean.doit().subs(s, Rational(7, 10))
    for symbol in total.free_symbols:
        product = symbol.name[2:-1]

        def value(attention, _, product=product):
            known = {"A": share(attention)} | {str(one): power(attention, k) for k, one in enumerate(SUMS, 2)}
            return eval(product, {}, known)

        total = total.subs(symbol, by_quadrature(value, tokens))
    return float(total)


@pytest.mark.parametrize(
    ("mean", "function"),
    [
        (N, lambda a, x: (a * x).sum(1)),
        (A * N, lambda a, x: share(a) * (a * x).sum(1)),
        (N**2, lambda a, x: (a * x).sum(1) ** 2),
        (P_2 * N**2, lambda a, x: power(a, 2) * (a * x).sum(1) ** 2),
        (TokenSum(p**2 * g) * A, lambda a, x: share(a) * (a**2 * x).sum(1)),
        (TokenSum(p * g**2), lambda a, x: (a * x**2).sum(1)),
        (P_3 * N, lambda a, x: power(a, 3) * (a * x).sum(1)),
    ],
    ids=["N", "AN", "N²", "P₂N²", "A Σp²g", "Σpg²", "P₃N"],
)
@pytest.mark.parametrize("tokens", [1, 2, 3])
def test_means_with_scores_are_means_of_attention(mean, function, tokens):
    """30 nodes in each score leave 1e-9 at this spread."""
    assert_allclose(in_numbers(AttentionMean(mean), tokens), by_quadrature(function, tokens), rtol=1e-8)


def test_a_product_of_two_sums_or_a_sum_over_what_no_token_has_is_not_taken_for_one():
    for expression in (TokenSum(p) ** 2, TokenSum(A), TokenSum(p + 1)):
        (symbol,) = AttentionMean(expression).doit().free_symbols
        assert "sum_t" in symbol.name
    assert AttentionMean(TokenSum(p) * A).doit() == AttentionMean(A * (1 - A)).doit()


def test_stein_s_lemma_for_one_function():
    """E Z² f = E f + E f'', with f' = c f."""
    f, c = symbols("f c")
    z = symbols("z", real=True)
    mean = SteinMean(z**2 * f, z, {f: c * f}, (f,))
    assert mean.doit() == SteinMean((1 + c**2) * f, z, {f: c * f}, (f,)).doit()
    assert mean.free_symbols == {c}
