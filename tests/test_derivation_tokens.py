"""Derivations without a numeric counterpart, against sequences of tokens and exact moments."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from theory import ContextualMixture, attention_moments
from theory.derivations import derive


def tokens(label, vectors, relevant, irrelevant, delta):
    """Return the tokens of a sequence without noise, shape (T, 3)."""
    context, signal = vectors
    others = -delta[0] * context - delta[1] * label * signal
    return np.vstack([np.tile(context + label * signal, (relevant, 1)), np.tile(others, (irrelevant, 1))])


@pytest.mark.parametrize("model", ["uniform-pooling-factor", "linear-attention-factor"])
def test_the_odd_part_is_that_of_two_sequences(model):
    """Half the difference of f at y = 1 and y = -1; some hundred roundings."""
    rng = np.random.default_rng(8)
    for relevant, irrelevant in ((1, 3), (4, 2), (5, 16)):
        context, signal, head, prompt = rng.standard_normal((4, 3))
        delta = rng.uniform(-1, 2, 2)
        values = []
        for label in (1.0, -1.0):
            x = tokens(label, (context, signal), relevant, irrelevant, delta)
            weights = np.ones(len(x)) if model == "uniform-pooling-factor" else x @ prompt
            values.append(head @ x.T @ weights / len(x))
        numbers = {
            "zeta": relevant / (relevant + irrelevant),
            "delta_q": delta[0],
            "delta_w": delta[1],
            "qw": context @ head,
            "sw": signal @ head,
            "qq": context @ prompt,
            "sq": signal @ prompt,
        }
        derivation = derive(model)
        value = derivation.value(**{name: numbers[name] for name in derivation.parameters})
        assert_allclose(value, (values[0] - values[1]) / 2, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("delta_signal", [0.3, -0.5, "cancelling"])
def test_the_expansion_for_any_signal_leaves_out_one_over_m_squared(delta_signal):
    """The gap to the exact E κ², over W² T/σ², falls as 1/m², also where the two signals cancel in the limit."""
    many = np.array([2_000, 20_000])
    noise, context, temperature = 0.7, 1.2, 0.7
    if delta_signal == "cancelling":
        # c = δ_w m E L, with R = m/4.
        delta_signal = np.exp(temperature * context**2 - (temperature * noise * context) ** 2 / 2) / 4
    mixture = ContextualMixture(5, 5 * many // 4, many // 4, context, 0.8, noise, delta_signal=delta_signal)
    exact = attention_moments(mixture, temperature).snr_square
    value = derive("snr-many-tokens-any-signal").value(
        Q=context, W=0.8, sigma=noise, tau=temperature, delta_q=0.0, delta_w=delta_signal, R=many / 4, m=1.0 * many
    )
    gaps = np.abs(exact - value) / many
    # The next order is a share of e^{8s²}/m of the gap, half a per cent at the smaller m.
    assert_allclose(np.log(gaps[1] / gaps[0]) / np.log(10), -2, atol=0.05)
