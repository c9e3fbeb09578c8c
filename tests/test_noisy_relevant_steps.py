"""Three steps with noisy relevant tokens: double sums, limits that are known exactly, and drawn sequences."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import ndtr

from numerics.real_data.sequence_data import SequenceData
from numerics.real_data.three_step_training import three_steps_on
from numerics.real_data.training import relevant_share
from numerics.streams import stream
from tests.false_alarms import assert_mean
from theory import ArgumentError, ContextualMixture, three_steps
from theory.attention.mixed_moments import AttentionScores
from theory.attention.two_kinds import TokenKind, two_kind_moments
from theory.descent.noisy_relevant_steps import NoisyRelevantPath, noisy_relevant_steps
from theory.descent.step_law import Geometry, feature_law, mean_token_law, prompt_gradient_law
from theory.descent.step_path import LABELS
from theory.risk.lognormal_sum import AccuracyError
from theory.risk.two_kinds import DecisionKind, two_kind_probability

MIXTURE = ContextualMixture(20, 6, 2, context_norm=1.8, signal_norm=1.2, noise=0.9, delta_context=0.2, delta_signal=0.1)
NOISE = 0.8
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
FIRST, SECOND = np.meshgrid(NODES, NODES, indexing="ij")
BOTH = np.outer(WEIGHTS, WEIGHTS)


@pytest.mark.parametrize(("offset", "spreads"), [(0.3, (0.7, 1.1)), (-2.0, (0.0, 0.5)), (4.0, (1.6, 0.4))])
def test_moments_of_two_tokens_are_double_sums(offset, spreads):
    relevant, irrelevant = TokenKind(1, offset, spreads[0], 0.8), TokenKind(1, 0.0, spreads[1], 1.3)
    found = two_kind_moments(relevant, irrelevant)
    share = 1 / (1 + np.exp(spreads[1] * SECOND - spreads[0] * FIRST - offset))
    score = 0.8 * share * FIRST + 1.3 * (1 - share) * SECOND
    pair = (0.8 * share) ** 2 + (1.3 * (1 - share)) ** 2
    for name, values in {
        "share": share,
        "share_square": share**2,
        "score": score,
        "share_score": share * score,
        "score_square": score**2,
        "pair": pair,
    }.items():
        # Gauss-Hermite's rule on a logistic function whose poles are at π/s: 1e-9 for the widest spread here.
        assert_allclose(getattr(found, name), np.sum(BOTH * values), atol=1e-8, err_msg=name)
    assert found.error < 1e-8


@pytest.mark.parametrize(("relevant", "irrelevant", "spread"), [(2, 14, 0.9), (1, 62, 2.0), (5, 3, 0.2)])
def test_still_relevant_tokens_have_the_moments_that_are_known_exactly(relevant, irrelevant, spread):
    exact = AttentionScores(0.7 + np.log(relevant), irrelevant, spread).moments()
    found = two_kind_moments(TokenKind(relevant, 0.7, 0.0, 0.0), TokenKind(irrelevant, 0.0, spread, 1.5))
    assert_allclose(found.share, exact.share, rtol=1e-9)
    assert_allclose(found.share_square, exact.share_square, rtol=1e-9)
    assert_allclose(found.pair, 1.5**2 * exact.pair, rtol=1e-9)


@pytest.mark.parametrize("spreads", [(0.6, 1.0), (0.0, 0.3), (1.5, 1.2), (4.5, 3.0)])
def test_the_probability_of_two_terms_is_a_double_sum(spreads):
    first = DecisionKind(1, 0.4, spreads[0], 0.9, 0.3, 0.7)
    second = DecisionKind(1, 0.0, spreads[1], -0.2, 0.5, 1.1)
    found = two_kind_probability([first, second])
    weights = [np.exp(k.offset + k.spread * g) for k, g in ((first, FIRST), (second, SECOND))]
    means = [w * (k.mean + k.slope * g) for w, k, g in zip(weights, (first, second), (FIRST, SECOND), strict=True)]
    deviation = np.hypot(weights[0] * first.noise, weights[1] * second.noise)
    expected = np.sum(BOTH * ndtr(-(means[0] + means[1]) / deviation))
    assert_allclose(found.value, expected, atol=1e-10)  # more nodes change the double sum by 5e-12
    assert found.bound < 1e-10


@pytest.mark.parametrize("mean", [3.0, 6.0])
def test_the_probability_of_still_tokens_is_gaussian(mean):
    """The first is had with the wider steps, the second takes the narrower ones."""
    found = two_kind_probability([DecisionKind(1, 0.0, 0.0, mean, 0.0, 0.6), DecisionKind(1, 0.0, 0.0, 0.0, 0.0, 0.8)])
    # Below the first node, e^-9 deviations, a geometric series leaves out terms of the order of e^-27.
    assert_allclose(found.value, ndtr(-mean), atol=1e-12)
    assert found.bound < 1e-10


def test_a_probability_that_cannot_be_had_is_refused():
    with pytest.raises(AccuracyError, match=r"^the test error is known to"):
        two_kind_probability(
            [DecisionKind(1, 0.0, 0.0, 300.0, 0.0, 1e-6), DecisionKind(1, 0.0, 0.0, -299.0, 0.0, 1e-6)]
        )


def path(noise, mixture=MIXTURE):
    return NoisyRelevantPath(Geometry.of(mixture), 20, 50, 0.9, True, relevant_noise=noise)


def test_laws_of_a_step_tend_to_those_of_still_relevant_tokens():
    geometry, small = Geometry.of(MIXTURE), path(1e-6)
    head, prompt = np.array([0.2, 0.9, np.sqrt(1 - 0.85)]), np.array([0.8, 0.1, 0.4])
    for index, label in enumerate(LABELS):
        for law, exact in (
            (small.mean_token_laws()[index], mean_token_law(geometry, label)),
            (small.prompt_gradient_laws(head)[index], prompt_gradient_law(geometry, label, head)),
            (small.feature_laws(prompt)[index], feature_law(geometry, label, prompt)),
        ):
            # What is left is of order 1e-6, and the accuracy of the moments of attention.
            assert_allclose(law.mean, exact.mean, atol=1e-5)
            assert_allclose(law.covariance, exact.covariance, atol=1e-5)
            assert_allclose(law.elsewhere, exact.elsewhere, atol=1e-5)
            assert_allclose(law.relevant_share, exact.relevant_share, atol=1e-5)


def drawn(size, rng, dimension=20):
    """Draw sequences of the mixture with noise on relevant tokens."""
    labels = np.where(np.arange(size) % 2 == 0, 1.0, -1.0)
    tokens = rng.standard_normal((size, 6, dimension)) * np.array([NOISE] * 2 + [0.9] * 4)[:, None]
    tokens[:, :2, 0] += 1.8
    tokens[:, :2, 1] += 1.2 * labels[:, None]
    tokens[:, 2:, 0] -= 0.2 * 1.8
    tokens[:, 2:, 1] -= 0.1 * 1.2 * labels[:, None]
    return SequenceData(tokens, labels, np.tile(np.arange(6) < 2, (size, 1)))


def test_laws_of_a_step_are_those_of_drawn_sequences():
    """Means and second moments of each coordinate, for either label, and of one elsewhere."""
    data, head, prompt = (
        drawn(200_000, stream(71), 4),
        np.array([0.2, 0.9, np.sqrt(1 - 0.85)]),
        np.array([0.8, 0.1, 0.4]),
    )
    tokens, places = data.tokens, path(NOISE)
    scores = tokens[:, :, :3] @ prompt
    weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    along = tokens[:, :, :3] @ head
    steps = {
        "mean token": (tokens.mean(axis=1), places.mean_token_laws()),
        "gradient": (
            np.einsum("nt,ntd->nd", along - along.mean(axis=1, keepdims=True), tokens) / 6,
            places.prompt_gradient_laws(head),
        ),
        "feature": (np.einsum("nt,ntd->nd", weights, tokens), places.feature_laws(prompt)),
    }
    assert_allclose(places.mean_token_laws()[0].elsewhere, (2 * NOISE**2 + 4 * 0.9**2) / 36, rtol=1e-12)
    for values, laws in steps.values():
        for label, law in zip(LABELS, laws, strict=True):
            mine = label * values[data.labels == label]
            errors = mine.std(axis=0) / np.sqrt(len(mine))
            assert (np.abs(mine.mean(axis=0)[:3] - law.mean) < 6 * errors[:3]).all()
            products = (mine[:, :3] - law.mean)[:, :, None] * (mine[:, :3] - law.mean)[:, None]
            spread = products.std(axis=0) / np.sqrt(len(mine))
            assert (np.abs(products.mean(axis=0) - law.covariance) < 6 * spread).all()
            assert_mean(
                (mine[:, 3] ** 2).mean(), (mine[:, 3] ** 2).std() / np.sqrt(len(mine)), law.elsewhere, detectable=0.06
            )


def test_three_steps_on_drawn_sequences_are_as_predicted():
    """Overlaps, attention and error of 600 training sets of 60 sequences a step, and test sets of 500."""
    values = []
    for index in range(600):
        rng = stream(72, index)
        training, test = drawn(180, rng), drawn(500, rng)
        (trained,) = three_steps_on(training, (0.9,))
        head, prompt = np.split(trained.weights, 2)
        wrong = np.mean(trained.decisions(test) * test.labels < 0)
        share = relevant_share(trained.model, trained.weights, test)
        values.append((trained.path[1][1], prompt[0] / 0.9, share, head[1], wrong))
    expected = noisy_relevant_steps(MIXTURE, 60, 0.9, NOISE)
    names = {"head_overlap": 0.03, "prompt_overlap": 0.02, "attention": 0.01, "final_overlap": 0.01, "error": 0.2}
    for (name, finds), numbers in zip(names.items(), np.transpose(values), strict=True):
        assert_mean(numbers.mean(), numbers.std(ddof=1) / np.sqrt(600), getattr(expected, name), detectable=finds)


@pytest.mark.parametrize("samples", [60, np.inf])
def test_noise_that_vanishes_gives_the_three_steps(samples):
    found = noisy_relevant_steps(MIXTURE, samples, 0.9, 1e-4)
    exact = three_steps(MIXTURE, samples, 0.9, labels="balanced")
    for name in ("head_overlap", "prompt_overlap", "attention", "final_overlap", "error"):
        # Of order 1e-4 squared, or 1e-4 where noise of that size is averaged over; and the bound on the error.
        assert_allclose(getattr(found, name), getattr(exact, name), rtol=1e-5, atol=1e-6, err_msg=name)
    assert found.error_bound < 1e-5


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"relevant_noise": 0.0}, "relevant_noise must be finite and greater than 0, got 0"),
        ({"samples": 0}, "samples must be a whole number of at least 1 or infinite, got 0"),
        ({"prompt_norm": 9.0}, "prompt_norm must keep noise"),
        ({"mixture": ContextualMixture(20, 6, 2, noise_kind="prompt-orthogonal")}, "noise must be isotropic"),
        ({"mixture": ContextualMixture(20, 6, 2, noise=0)}, "noise must be isotropic and greater than 0"),
    ],
)
def test_what_is_out_of_range_is_refused(changes, sentence):
    with pytest.raises(ArgumentError, match=f"^{sentence}"):
        noisy_relevant_steps(
            **{"mixture": MIXTURE, "samples": 60, "prompt_norm": 0.9, "relevant_noise": NOISE, **changes}
        )
