"""Three steps of gradient descent: laws of a step by enumeration, limits and rates, and what sample complexity says."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import hermegauss
from numpy.testing import assert_allclose

from theory import ArgumentError, ContextualMixture, attention_law, full_head_averaging_overlap
from theory.descent.sample_complexity import prompt_snr_square, sample_complexity
from theory.descent.step_law import Geometry, feature_law, mean_token_law, prompt_gradient_law
from theory.descent.step_path import PARTS, STEPS, StepPath
from theory.descent.three_steps import mean_label_nodes, three_steps

KINDS = ("isotropic", "prompt-orthogonal")
MIXTURE = ContextualMixture(4, 3, 1, context_norm=1.3, signal_norm=0.8, noise=0.9, delta_context=-0.3, delta_signal=0.1)


def of_kind(kind: str, **changes: float) -> ContextualMixture:
    """Return the mixture of these tests with another noise, and other changes."""
    return ContextualMixture(**{**vars(MIXTURE), "noise_kind": kind, **changes})


def enumerated(mixture, label, nodes, function):
    """Average a function of token sequences, shape (sequences, T, d), over Gauss-Hermite nodes of every noise number.

    Returns the mean and the covariance matrix of its values.
    """
    x, weight = hermegauss(nodes)
    weight = weight / weight.sum()
    tokens, dimension = int(mixture.tokens), int(mixture.dimension)
    irrelevant = tokens - int(mixture.relevant_tokens)
    grid = np.array(list(product(range(nodes), repeat=irrelevant * dimension)))
    chance = weight[grid].prod(axis=1)
    noises = float(mixture.noise) * x[grid].reshape(len(grid), irrelevant, dimension)
    if mixture.noise_kind == "prompt-orthogonal":
        noises[..., 0] = 0
    context, signal = (
        float(mixture.context_norm) * np.eye(dimension)[0],
        float(mixture.signal_norm) * np.eye(dimension)[1],
    )
    sequences = np.empty((len(grid), tokens, dimension))
    sequences[:, : tokens - irrelevant] = context + label * signal
    delta_context, delta_signal = float(mixture.delta_context), float(mixture.delta_signal)
    sequences[:, tokens - irrelevant :] = noises - delta_context * context - delta_signal * label * signal
    values = function(sequences)
    mean = chance @ values
    return mean, (values - mean).T @ (chance[:, None] * (values - mean))


def assert_law(law, mean, covariance):
    """Compare with four coordinates, the last of which is elsewhere."""
    assert_allclose(law.mean, mean[:3], atol=1e-13)
    assert_allclose(mean[3], 0, atol=1e-14)
    assert_allclose(law.covariance, covariance[:3, :3], atol=1e-13)
    assert_allclose(law.elsewhere, covariance[3, 3], atol=1e-13)
    assert_allclose(covariance[3, :3], 0, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("label", [1.0, -1.0])
def test_the_laws_of_the_first_two_steps_by_enumeration(kind, label):
    """Second moments are of degree 4 in a noise number: 3 nodes are exact, and leave rounding."""
    mixture = of_kind(kind)
    head = np.array([0.3, 0.8, math.sqrt(1 - 0.73), 0.0])

    def gradient(sequences):
        centred = sequences - sequences.mean(axis=1, keepdims=True)
        return label * np.einsum("nt,ntd->nd", centred @ head, sequences) / 3

    geometry = Geometry.of(mixture)
    assert_law(mean_token_law(geometry, label), *enumerated(mixture, label, 3, lambda x: label * x.mean(axis=1)))
    assert_law(prompt_gradient_law(geometry, label, head[:3]), *enumerated(mixture, label, 3, gradient))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [0.0, 0.7, 2.0])
def test_the_law_of_the_last_step_by_quadrature(kind, length):
    """Scores by 60 nodes each, the noise across them by its exact variance."""
    mixture, label = of_kind(kind), -1.0
    prompt = length * np.array([0.6, -0.3, math.sqrt(1 - 0.45), 0.0])
    noisy = prompt.copy()
    if kind == "prompt-orthogonal":
        noisy[0] = 0
    direction = noisy / np.linalg.norm(noisy) if length else np.eye(4)[2]
    x, weight = hermegauss(60)
    chance = np.outer(weight, weight).ravel() / weight.sum() ** 2
    scores = np.stack([grid.ravel() for grid in np.meshgrid(x, x)], axis=1)
    sigma = float(mixture.noise)
    inside = np.array([1.3, label * 0.8, 0, 0])
    outside = np.array([0.3 * 1.3, -0.1 * label * 0.8, 0, 0])
    log_weights = np.column_stack(
        [np.full(len(chance), inside @ prompt), outside @ prompt + sigma * scores * np.linalg.norm(noisy)]
    )
    attention = np.exp(log_weights)
    attention /= attention.sum(axis=1, keepdims=True)
    share, rest = attention[:, :1], attention[:, 1:]
    features = label * (share * inside + (1 - share) * outside)
    features += label * sigma * (rest * scores).sum(axis=1, keepdims=True) * direction
    mean = chance @ features
    covariance = (features - mean).T @ (chance[:, None] * (features - mean))
    across = np.eye(4) - np.outer(direction, direction)
    if kind == "prompt-orthogonal":
        across[0, 0] = 0
    covariance += sigma**2 * float(chance @ (rest**2).sum(axis=1)) * across
    law = feature_law(Geometry.of(mixture), label, prompt[:3])
    # 60 nodes integrate a logistic function of a score of deviation 1.8 to about 1e-9.
    assert_allclose(law.mean, mean[:3], atol=1e-8)
    assert_allclose(law.covariance, covariance[:3, :3], atol=1e-8)
    assert_allclose(law.elsewhere, covariance[3, 3], atol=1e-8)
    assert_allclose(law.relevant_share, chance @ share[:, 0], atol=1e-8)


@pytest.mark.parametrize("samples", [1, 2, 7, 8, 9, 60])
def test_the_nodes_of_the_mean_label(samples):
    """Gauss's rule with 9 nodes, or as many as there are values: exact moments in fractions."""
    nodes, weights = mean_label_nodes(samples)
    for power in range(0, 17, 2):
        exact = sum(
            Fraction(math.comb(samples, k), 2**samples) * Fraction(2 * k - samples, samples) ** power
            for k in range(samples + 1)
        )
        assert_allclose(weights @ nodes**power, float(exact), rtol=1e-11)


def test_the_limit_without_delta_in_the_form_that_is_quoted():
    """a/(a + γv) with v = σ⁴(1/m - 2/(mT) + 1/T²) + ζ²c²W²σ²/m, c² = κ₀²/(κ₀² + γ): another way to write it."""
    mixture = ContextualMixture(300, 16, 3, context_norm=1.4, signal_norm=1.2, noise=0.8)
    limit = three_steps(mixture, 200, 1.0).limit
    share, terms, variance, ratio = 3 / 16, 13, 0.64, 1.5
    kappa_square = 16 * share**2 * 1.44 / ((1 - share) * variance)
    head = kappa_square / (kappa_square + ratio)
    signal = (share * 1.2 * 1.4) ** 2 * head
    noise = variance**2 * (1 / terms - 2 / (terms * 16) + 1 / 256) + share**2 * head * 1.44 * variance / terms
    assert_allclose(limit.head_overlap, math.sqrt(head), rtol=1e-14)
    assert_allclose(limit.prompt_overlap, math.sqrt(signal / (signal + ratio * noise)), rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_the_head_step_is_the_exact_overlap_up_to_the_second_order(kind):
    """E cos∠(ŵ₁, w⋆) is known exactly; the expansion leaves 1/n²: at most a quarter when n and d double."""
    gaps = []
    for size in (100, 200, 400):
        mixture = of_kind(kind, dimension=size, tokens=6, relevant_tokens=2)
        law = mean_token_law(Geometry.of(mixture), 1.0)
        noisy = kind == "isotropic"
        exact = full_head_averaging_overlap(
            2 * size,
            size if noisy else size - 1,
            law.mean[1],
            math.sqrt(law.elsewhere),
            law.mean[0],
            noisy_context=noisy,
        )
        gaps.append(three_steps(mixture, 2 * size, 0.0).head_overlap - exact)
    # The correction itself is 0.008 at n = 200.  What is left is interaction, a small share of 1/n², and 1/n³.
    assert abs(gaps[0]) < 1e-4
    assert gaps[0] / gaps[1] > 4
    assert gaps[1] / gaps[2] > 4


@pytest.mark.parametrize("labels", ["random", "balanced"])
def test_the_corrections_fall_as_one_over_n(labels):
    names = ("head_overlap", "prompt_overlap", "attention", "final_overlap", "error")
    gaps = []
    for size in (400, 800, 1600):
        mixture = of_kind("isotropic", dimension=size, tokens=6, relevant_tokens=2)
        steps = three_steps(mixture, 2 * size, 0.8, labels=labels)
        gaps.append([getattr(steps, name) - getattr(steps.limit, name) for name in names])
    gaps = np.array(gaps)
    # What the mean label does to all orders bends the rate by a few percent at n = 800.
    assert_allclose(gaps[1:-1] / gaps[2:], 2, rtol=0.1)


def test_large_corrections_come_with_a_caution():
    """More than 0.1 from the limit: at small n; not at large n."""
    mixtures = (ContextualMixture(d, 16, 2, context_norm=1.5, signal_norm=1.5) for d in (40, 2000))
    few, many = (three_steps(mixture, 2 * mixture.dimension, 0.8) for mixture in mixtures)
    assert few.error - few.limit.error > 0.1
    assert few.notes[-1].startswith("caution: the corrections are as large as 0.")
    assert not any(note.startswith("caution") for note in many.notes)


def test_turning_the_context_round_turns_the_prompt():
    """δ_q → -2 - δ_q exchanges which side the relevant tokens are on: q̂₁ turns, and all else stays."""
    one = three_steps(of_kind("isotropic", dimension=60, tokens=6, delta_context=-0.4), 90, 0.9, labels="balanced")
    other = three_steps(of_kind("isotropic", dimension=60, tokens=6, delta_context=-1.6), 90, 0.9, labels="balanced")
    assert_allclose(other.limit.prompt_overlap, -one.limit.prompt_overlap, rtol=1e-13)
    assert_allclose(other.limit.attention, one.limit.attention, rtol=1e-12)
    assert_allclose(other.limit.final_overlap, one.limit.final_overlap, rtol=1e-12)


def test_the_population_learns_both_directions():
    steps = three_steps(of_kind("isotropic", dimension=60, tokens=6), math.inf, 1.0)
    assert_allclose([steps.head_overlap, steps.prompt_overlap, steps.final_overlap], 1, atol=1e-15)
    assert steps.error == steps.limit.error
    known = attention_law(of_kind("isotropic", dimension=60, tokens=6), 1.0 / 1.3)
    # M = A - δ_w (1 - A); the law of attention is good to 1e-10.
    assert_allclose(steps.attention, (known.mean(known.signal) / 0.8 + 0.1) / 1.1, rtol=1e-9)


def test_the_mean_label_weights_the_two_labels():
    """Of so many sequences that nothing fluctuates, (1 + ȳ)/2 have the label +1."""
    geometry = Geometry.of(of_kind("isotropic", dimension=60, tokens=6))
    path = StepPath(geometry, 60.0, 1e15, 0.5, balanced=True)
    vectors = path.vectors(0.3, np.zeros((STEPS, PARTS)))
    laws = [prompt_gradient_law(geometry, label, vectors.head) for label in (1.0, -1.0)]
    expected = 0.65 * laws[0].mean + 0.35 * laws[1].mean
    # Noise is left of a share √(d/n) of about 1e-6 in length, and its square in direction.
    assert_allclose(vectors.prompt, expected / np.linalg.norm(expected), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("epsilon", [0.3, 0.01])
def test_so_many_samples_give_the_overlap(kind, epsilon):
    """At the d/n that is found, the limit of the three steps has cos² = 1 - ε."""
    mixture = of_kind(kind, dimension=10**8, tokens=12, relevant_tokens=2)
    needed = sample_complexity(mixture, epsilon, 0.7)
    for step, overlap in (("head", "head_overlap"), ("prompt", "prompt_overlap"), ("final", "final_overlap")):
        numbers = getattr(needed, step)
        limit = three_steps(mixture, round(numbers.samples), 0.7, labels="balanced").limit
        # d/n is rounded to a whole n of at least 1e7.
        assert_allclose(1 - getattr(limit, overlap) ** 2, epsilon, rtol=1e-6)
        assert_allclose(numbers.ratio, numbers.samples / numbers.limit)
        assert numbers.ratio >= 1 - 1e-12
    assert_allclose(needed.whole.samples, 3 * needed.final.samples)
    known = attention_law(mixture, 0.7 / 1.3)
    snr_square = known.mean((known.signal / known.noise) ** 2)
    # The law of attention is good to 1e-10 or so.
    assert_allclose(needed.final.limit, 10**8 * (1 - epsilon) / (epsilon * snr_square), rtol=1e-8)


def test_samples_grow_in_proportion_to_the_dimension():
    small, large = (sample_complexity(of_kind("isotropic", dimension=d, tokens=12), 0.1, 0.7) for d in (100, 1000))
    for step in ("head", "prompt", "final", "whole"):
        assert_allclose(getattr(large, step).samples, 10 * getattr(small, step).samples, rtol=1e-12)
        assert_allclose(getattr(large, step).limit, 10 * getattr(small, step).limit, rtol=1e-12)


@pytest.mark.parametrize(("tokens", "relevant"), [(3, 2), (3, 1), (4, 1), (40, 3)])
def test_the_best_that_the_gradients_of_the_prompt_allow(tokens, relevant):
    """k = P² E[x²/(s²x² + α χ²)], by exponential integrals: E[1/(a + bχ²_k)] = e^z E_{k/2}(z)/(2b), z = a/(2b)."""
    mixture = of_kind("isotropic", tokens=tokens, relevant_tokens=relevant)
    terms = tokens - relevant
    with mpmath.workdps(30):
        noise, signal, gap = (
            mpmath.mpf("0.9"),
            mpmath.mpf("0.8") * mpmath.mpf("1.1"),
            mpmath.mpf("1.3") * mpmath.mpf("0.7"),
        )
        square = noise**2 / terms
        alpha = (noise**2 * tokens / (terms * mpmath.mpf(relevant))) ** 2
        width = mpmath.sqrt(square)

        def weighted(x):
            if terms == 1 or x == 0:
                return mpmath.npdf(x, signal, width) / square if terms == 1 else mpmath.mpf(0)
            z = square * x**2 / (2 * alpha)
            freedom = mpmath.mpf(terms - 1) / 2
            return mpmath.npdf(x, signal, width) * x**2 * mpmath.exp(z) * mpmath.expint(freedom, z) / (2 * alpha)

        places = sorted({0, *(signal + width * k for k in (-12, -6, -3, 3, 6, 12))})
        exact = gap**2 * mpmath.quad(weighted, places)
    # Rounding; the cut at 12 deviations leaves 1e-30.
    assert_allclose(prompt_snr_square(Geometry.of(mixture)), float(exact), rtol=1e-12)


@settings(deadline=None, max_examples=40)
@given(
    tokens=st.integers(2, 300),
    relevant=st.floats(0, 1),
    norms=st.tuples(*[st.floats(1e-3, 30)] * 3),
    deltas=st.tuples(*[st.floats(-3, 3)] * 2),
    epsilon=st.floats(1e-9, 1, exclude_max=True),
    length=st.floats(0, 5),
    kind=st.sampled_from(KINDS),
)
def test_sample_complexity_is_positive_or_refused(tokens, relevant, norms, deltas, epsilon, length, kind):
    mixture = ContextualMixture(50, tokens, 1 + int(relevant * (tokens - 2)), *norms, kind, *deltas)
    try:
        needed = sample_complexity(mixture, epsilon, length)
    except ArgumentError:
        return
    for step in (needed.head, needed.prompt, needed.final, needed.whole):
        assert step.samples > 0
        assert step.limit >= 0
        assert step.ratio > 0
    assert needed.prompt.ratio >= 1 - 1e-9


@settings(deadline=None, max_examples=25)
@given(
    dimension=st.integers(8, 10**6),
    tokens=st.integers(2, 300),
    relevant=st.floats(0, 1),
    norms=st.tuples(*[st.floats(0.05, 4)] * 3),
    deltas=st.tuples(*[st.floats(-0.9, 0.9)] * 2),
    samples=st.one_of(st.integers(1, 10**7), st.just(math.inf)),
    length=st.floats(0, 1),
    kind=st.sampled_from(KINDS),
)
def test_a_number_in_range_or_one_sentence(dimension, tokens, relevant, norms, deltas, samples, length, kind):
    context, signal, noise = norms
    count = 1 + int(relevant * (tokens - 2))
    mixture = ContextualMixture(dimension, tokens, count, context, signal, noise, kind, *deltas)
    try:
        steps = three_steps(mixture, samples, length, labels="balanced")
    except (ArgumentError, ArithmeticError):
        return
    for outcomes in (steps, steps.limit):
        assert -1 <= outcomes.head_overlap <= 1
        assert -1 <= outcomes.prompt_overlap <= 1
        assert 0 <= outcomes.attention <= 1
        assert -1 <= outcomes.final_overlap <= 1
        assert 0 <= outcomes.error <= 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"relevant_tokens": 3}, "relevant_tokens must be less than tokens"),
        ({"signal_norm": 0}, "signal_norm must be greater than 0"),
        ({"delta_context": -1}, "delta_context must not be -1"),
        ({"delta_signal": 0.5}, "delta_signal must not cancel the signal of the mean token, got 0.5"),
        ({"tokens": 6, "delta_signal": 0.2}, "delta_signal must not cancel the signal of the mean token, got 0.2"),
        ({"dimension": 7}, "dimension must be at least 8 here, got 7"),
        ({"noise": [1, 2]}, "noise must be a single number here"),
    ],
)
def test_what_has_no_gradient_is_refused(changes, message):
    with pytest.raises(ArgumentError, match=message):
        three_steps(of_kind("isotropic", **{"dimension": 20, **changes}), 10, 1.0)
