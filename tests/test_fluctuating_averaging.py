"""Averaging heads where attention fluctuates: brute force, known cases, the score simulator, an expansion's rate."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose

from numerics.simulation import simulate
from tests.false_alarms import assert_mean
from theory import (
    AttentionLaw,
    ContextualMixture,
    Head,
    NotAvailableError,
    attention_law,
    averaging_error,
    averaging_expansion,
    averaging_overlap,
    error_given_overlap,
    fluctuating_averaging_error,
    known_prompt_error,
    population_error,
)
from theory.known_prompt.inner_product import log_inner_product_cdf

MIXTURE = ContextualMixture(61, 16, 2, signal_norm=1.5, delta_signal=0.1)
LAW = attention_law(MIXTURE, 1.0)
UNEVEN = AttentionLaw(np.array([0.3, 1.0, 1.8]), np.array([0.6, 1.1, 0.8]), np.array([0.2, 0.5, 0.3]))


def all_training_sets(law, samples, dimension, weighted):
    """Sum over every combination of nodes of n training examples and of the test example."""
    total = 0.0
    nodes = range(len(law.weight))
    for chosen in product(nodes, repeat=samples):
        index = list(chosen)
        signal, noise = law.signal[index], law.noise[index]
        length = math.sqrt(np.sum((signal / noise) ** 2)) if weighted else signal.sum() / math.sqrt(np.sum(noise**2))
        kappa = law.signal / law.noise
        logs = log_inner_product_cdf(np.full(len(kappa), dimension), length * kappa, (length**2 + kappa**2) / 2)
        total += float(np.prod(law.weight[index]) * (law.weight @ np.exp(logs.log_value)))
    return total


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("samples", [1, 2, 3, 6])
def test_the_error_is_the_mean_over_all_training_sets(samples, weighted):
    """Thinning keeps polynomials of degree 10: what is left is far below 1e-7 for a law of this width."""
    error, _ = fluctuating_averaging_error(UNEVEN, samples, 5, weighted=weighted)
    assert_allclose(error, all_training_sets(UNEVEN, samples, 5, weighted), atol=1e-7)


@pytest.mark.parametrize("samples", [1, 7, 100, 10**6])
@pytest.mark.parametrize("kappa", [0.1, 2.0])
def test_deterministic_attention_is_a_case(samples, kappa):
    """A law of one node is exact: rounding, and the contour's 1e-12."""
    law = AttentionLaw(np.array([kappa]), np.array([1.0]), np.array([1.0]))
    for weighted in (False, True):
        error, overlap = fluctuating_averaging_error(law, samples, 30, weighted=weighted)
        assert_allclose(error, averaging_error(samples, 30, kappa).error, rtol=1e-10)
        assert_allclose(overlap, averaging_overlap(samples, 30, kappa), rtol=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_coarse_resolution_estimates_the_error(weighted):
    coarse = attention_law(MIXTURE, 1.0, resolution="coarse")
    for samples in (5, 50, 500):
        fine = fluctuating_averaging_error(LAW, samples, 60, weighted=weighted)[0]
        rough = fluctuating_averaging_error(coarse, samples, 60, weighted=weighted, resolution="coarse")[0]
        assert abs(fine - rough) < 1e-5


QUICK = {(100, "averaging", "linear"), (20, "averaging", "softmax"), (20, "weighted-averaging", "linear")} | {
    (1000, "weighted-averaging", "softmax")
}
"""Every value of each in the quick suite, every combination in the slow one."""


@pytest.mark.parametrize(
    ("samples", "repetitions", "detectable", "kind", "attention"),
    [
        pytest.param(*size, *head, marks=() if (size[0], *head) in QUICK else pytest.mark.slow)
        for size in ((20, 2500, 0.025), (100, 1200, 0.02), (1000, 400, 0.01))
        for head in product(("averaging", "weighted-averaging"), ("softmax", "linear"))
    ],
)
def test_the_score_simulator_agrees(samples, repetitions, detectable, kind, attention):
    head = Head(samples, 1.0, attention, kind)
    predicted = known_prompt_error(MIXTURE, head)
    assert predicted.regime == "exact"
    simulated = simulate(MIXTURE, head, repetitions=repetitions, seed=11)
    assert_mean(simulated.error, simulated.standard_error, predicted.error, detectable=detectable)
    assert_mean(simulated.overlap, simulated.overlap_standard_error, predicted.overlap, detectable=0.15)


def test_what_the_expansion_leaves_out_falls_as_the_square():
    """At a fixed p/n the plug-in value is off by O(1/n), the corrected one by O(1/n²)."""
    sizes = np.array([40, 80, 160, 320])
    exact = np.array([fluctuating_averaging_error(LAW, int(n), int(n) // 2)[0] for n in sizes])
    expansions = [averaging_expansion(LAW, int(n), int(n) // 2) for n in sizes]
    plug_in = exact - np.array([expansion.plug_in for expansion in expansions])
    corrected = plug_in - np.array([expansion.correction for expansion in expansions])

    def exponent(gaps):
        return np.polyfit(np.log(sizes), np.log(np.abs(gaps)), 1)[0]

    # The next terms are smaller by a few times 1/40.
    assert_allclose(exponent(plug_in), -1, atol=0.03)
    assert_allclose(exponent(corrected), -2, atol=0.15)
    # At n = 1000 the correction itself is a millionth of the error.
    assert abs(corrected[-1]) < 1e-7


@pytest.mark.parametrize("samples", [20, 100, 1000])
def test_the_corrected_plug_in_is_within_the_score_simulators_interval(samples):
    expansion = averaging_expansion(LAW, samples, 60)
    simulated = simulate(MIXTURE, Head(samples, 1.0), repetitions=1000, seed=12)
    # At n = 20 the expansion leaves out 1.2e-5, far below the standard error.
    assert_mean(simulated.error, simulated.standard_error, expansion.plug_in + expansion.correction, detectable=0.03)


def test_an_expansion_needs_examples_that_settle_the_noise():
    wild = AttentionLaw(np.ones(2), np.array([1e-3, 1e3]), np.array([0.9999, 0.0001]))
    with pytest.raises(NotAvailableError, match="do not settle"):
        averaging_expansion(wild, 1, 5)


@pytest.mark.parametrize("attention", ["softmax", "linear"])
@pytest.mark.parametrize("kind", ["averaging", "weighted-averaging"])
def test_many_samples_reach_the_population(attention, kind):
    """The distance falls as p/n: at n = 1e9, p = 60 it is below 1e-7; the thinned law of κ adds as much."""
    many = known_prompt_error(MIXTURE, Head(10**9, 1.0, attention, kind))
    limit = known_prompt_error(MIXTURE, Head(np.inf, 1.0, attention, kind))
    assert_allclose(many.error, limit.error, atol=3e-7)
    assert limit.error == limit.population
    assert_allclose(limit.error, error_given_overlap(attention_law(MIXTURE, 1.0, attention), 1.0), rtol=1e-12)


def test_a_turned_signal():
    """With δ_w so large that M < 0, averaging learns -w⋆ and errs as before; known weights lead the other way."""
    turned = ContextualMixture(21, 6, 1, noise_kind="prompt-orthogonal", delta_signal=2.0)
    plain = known_prompt_error(turned, Head(50, 0.5))
    weighted = known_prompt_error(turned, Head(50, 0.5, kind="weighted-averaging"))
    assert plain.overlap < 0 < weighted.overlap
    assert_allclose(weighted.error, 1 - plain.error, rtol=1e-12)
    assert_allclose(weighted.log_error, math.log1p(-plain.error), rtol=1e-12)
    simulated = simulate(turned, Head(50, 0.5, kind="weighted-averaging"), repetitions=1000, seed=3)
    assert_mean(simulated.error, simulated.standard_error, weighted.error, detectable=0.02)


@pytest.mark.parametrize("kind", ["averaging", "weighted-averaging"])
@pytest.mark.parametrize("temperature", [1e-8, 1e-4, 1e-2])
def test_a_weak_prompt_is_close_to_none(kind, temperature):
    """The law shrinks to a curve and then to a point; the error moves by 2τQ² or so of itself, as κ² does."""
    data = ContextualMixture(61, 16, 2)
    weak, none = (known_prompt_error(data, Head(100, tau, kind=kind)) for tau in (temperature, 0.0))
    assert weak.error_bound < 1e-5
    assert abs(weak.error / none.error - 1) < 2 * temperature + 1e-7


@pytest.mark.parametrize(
    ("change", "temperature"),
    [({"context_norm": 10.0, "noise": 0.01}, 20.0), ({"delta_context": 50.0}, 1.0)],
    ids=["noise that underflows", "signal beyond 1e20 times the noise"],
)
@pytest.mark.parametrize("kind", ["averaging", "weighted-averaging", "least-squares"])
def test_a_prompt_that_leaves_no_noise(change, temperature, kind):
    prediction = known_prompt_error(ContextualMixture(61, 16, 2, **change), Head(100, temperature, kind=kind))
    assert prediction.error < 1e-9
    assert prediction.overlap > 0.5


def test_thousands_of_tokens():
    """Exact and proportional agree up to 1/n, and the law's own error is the exact risk's."""
    data = ContextualMixture(61, 10_100, 100)
    exact = known_prompt_error(data, Head(3000, 1.0))
    limit = known_prompt_error(data, Head(3000, 1.0), regime="proportional")
    assert exact.regime == "exact"
    assert exact.error_bound < 1e-4
    assert abs(exact.error - limit.error) < 2e-4
    assert_allclose(limit.population, population_error(data, 1.0), atol=1e-7)
