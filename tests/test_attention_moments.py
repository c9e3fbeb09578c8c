"""Moments of fluctuating attention against direct sums, 30-digit Laplace integrals, drawn scores and expansions."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from numerics.simulators.scores import draw_attention
from numerics.streams import stream
from tests.false_alarms import assert_mean
from theory import ArgumentError, ContextualMixture, attention_moments, deterministic_attention, large_tokens_moments

PROMISED = 1e-10


def mixture_of(m, relevant=1, **options):
    return ContextualMixture(5, m + relevant, relevant, **options)


def normal_grid(reach, step):
    g = np.arange(-reach, reach + step / 2, step)
    return g, np.exp(-(g**2) / 2) * step / np.sqrt(2 * np.pi)


def direct_means(weights, squares, ones, c, delta):
    """Means of A, A², S²/σ², M²/S²·σ² over a grid of scores: from Σ L² and Σ L, weight by weight."""
    share = c / (c + ones)
    signal = share - delta * (1 - share)
    spread = squares / (c + ones) ** 2
    return [float((weights * values).sum()) for values in (share, share**2, signal**2, spread, signal**2 / spread)]


@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize("temperature", [0.02, 0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("delta_signal", [0.0, 0.7])
def test_one_and_two_tokens_are_plain_sums_over_scores(m, temperature, delta_signal):
    noise, context = 1.1, 0.9
    mixture = mixture_of(m, 2, noise=noise, context_norm=context, delta_context=0.2, delta_signal=delta_signal)
    spread = temperature * noise * context
    g, weights = normal_grid(9 + 2 * spread, 0.02 if m == 1 else 0.04)
    log_l = spread * g
    if m == 2:
        ones, squares = (np.logaddexp(power * log_l[:, None], power * log_l[None, :]) for power in (1, 2))
        weights = weights[:, None] * weights[None, :]
    else:
        ones, squares = log_l, 2 * log_l
    c = 2 * np.exp(1.2 * temperature * context**2)
    share, share_square, signal_square, noise_square, snr_square = direct_means(
        weights, np.exp(squares), np.exp(ones), c, delta_signal
    )
    moments = attention_moments(mixture, temperature)
    assert_allclose(moments.share, share, rtol=PROMISED)
    assert_allclose(moments.share_square, share_square, rtol=PROMISED)
    assert_allclose(moments.noise_square, noise**2 * noise_square, rtol=PROMISED)
    assert_allclose(moments.signal, (1 + delta_signal) * share - delta_signal, rtol=PROMISED, atol=1e-10)
    assert_allclose(moments.signal_square, signal_square, rtol=1e-8, atol=1e-10)  # a difference of the above
    assert_allclose(moments.snr_square, snr_square / noise**2, rtol=1e-8)  # likewise


def laplace_at_thirty_digits(m, c, spread):
    """E A, E A², E ΣL²/D² and E 1/ΣL² by nested sums at 30 digits, with other steps and ranges of log t and g."""
    with mp.workdps(30):
        step_g = mp.mpf(1) / (5 + int(5 * spread))
        reach = 11 + 2 * spread
        g = [j * step_g for j in range(-int(reach / step_g), int(reach / step_g) + 1)]
        weights = [mp.exp(-(x**2) / 2) * step_g / mp.sqrt(2 * mp.pi) for x in g]
        ell = [mp.exp(spread * x) for x in g]
        step, totals = mp.mpf(1) / 7, [mp.mpf(0)] * 4
        # Small L, of e^{-2s² - 9s}, carry E 1/ΣL² for few tokens, and t reaches to their inverse square.
        for j in range(int(-7 * (70 + 3 * spread**2)), int(7 * (5 + 18 * spread + 4 * spread**2))):
            t = mp.exp(j * step)
            one = [w * mp.exp(-t * x) for w, x in zip(weights, ell, strict=True)]
            psi = mp.fsum(one)
            square = mp.fsum(value * x**2 for value, x in zip(one, ell, strict=True))
            psi_two = mp.fsum(w * mp.exp(-t * x**2) for w, x in zip(weights, ell, strict=True))
            killed = mp.exp(-c * t)
            for k, value in enumerate(
                (
                    c * killed * psi**m,
                    c**2 * t * killed * psi**m,
                    m * t * killed * square * psi ** (m - 1),
                    psi_two**m,
                )
            ):
                totals[k] += value * t * step
        return [float(total) for total in totals]


@pytest.mark.parametrize(
    ("m", "spread"),
    [
        (7, 0.3),
        pytest.param(1000, 1.0, marks=pytest.mark.slow),
        pytest.param(10**6, 2.0, marks=pytest.mark.slow),
        pytest.param(60, 5.0, marks=pytest.mark.slow),
        pytest.param(10**6, 5.0, marks=pytest.mark.slow),
        pytest.param(1, 3.0, marks=pytest.mark.slow),
    ],
)
def test_many_tokens_against_thirty_digits(m, spread):
    """One relevant token, unit norms: τ = s, c = e^s, and κ² = c² E 1/ΣL²."""
    share, share_square, noise_square, inverse = laplace_at_thirty_digits(m, mp.exp(mp.mpf(spread)), spread)
    moments = attention_moments(mixture_of(m), spread)
    assert_allclose(moments.share, share, rtol=PROMISED)
    assert_allclose(moments.share_square, share_square, rtol=PROMISED)
    assert_allclose(moments.noise_square, noise_square, rtol=PROMISED)
    assert_allclose(moments.snr_square, np.exp(2 * spread) * inverse, rtol=PROMISED)
    assert moments.relative_error < PROMISED


@pytest.mark.parametrize(("m", "temperature"), [(3, 0.8), (20, 0.5), (60, 0.4)])
def test_against_drawn_scores(m, temperature):
    mixture = mixture_of(m, 2, noise=0.9, context_norm=1.1, delta_context=-0.2, delta_signal=0.3)
    draws = draw_attention(mixture, temperature, 400_000, stream(1, m))
    moments = attention_moments(mixture, temperature)
    for values, predicted in (
        (draws.signal**2, moments.signal_square),
        (draws.noise**2, moments.noise_square),
        ((draws.signal / draws.noise) ** 2, moments.snr_square),
    ):
        assert_mean(values.mean(), values.std() / np.sqrt(len(values)), predicted, detectable=0.05)


@pytest.mark.parametrize("noise_kind", ["isotropic", "prompt-orthogonal"])
def test_without_fluctuation_the_moments_are_constants(noise_kind):
    temperature = 0.0 if noise_kind == "isotropic" else 1.3
    mixture = mixture_of(9, 3, noise_kind=noise_kind, delta_signal=0.2)
    law, moments = deterministic_attention(mixture, temperature), attention_moments(mixture, temperature)
    assert_allclose(moments.share_square, law.relevant_share**2, rtol=1e-14)
    assert_allclose(moments.noise_square, law.noise**2, rtol=1e-14)
    assert_allclose(moments.snr_square, law.kappa**2, rtol=1e-14)


@pytest.mark.parametrize("delta_signal", [0.0, 0.3, 0.7])
def test_constants_stay_within_their_bounds(delta_signal):
    """3 relevant tokens of 13 and τ = 0: M = (3 - 10 δ_w)/13, nothing but rounding at 0.3, and S² = 10/13²."""
    moments = attention_moments(mixture_of(10, 3, delta_signal=delta_signal), 0.0)
    with mp.workdps(30):
        signal = (3 - 10 * mp.mpf(delta_signal)) / 13
        for name, exact in (("signal", signal), ("signal_square", signal**2), ("snr_square", signal**2 * 16.9)):
            assert abs(mp.mpf(getattr(moments, name)) - exact) <= getattr(moments, f"{name}_error") < 1e-12


def test_a_constant_beyond_the_largest_float_is_infinite():
    moments = attention_moments(mixture_of(9, context_norm=20.0, noise_kind="prompt-orthogonal"), 1.0)  # κ = e^400/3
    assert moments.snr_square == moments.snr_square_error == np.inf


def test_the_limit_of_weak_scores_is_continuous():
    """s → 0: the moments differ from their constants by order s²."""
    weak, none = (attention_moments(mixture_of(9, 3, noise=0.5), tau) for tau in (1e-5, 0.0))
    # c changes by τ Q² = 1e-5 as well: a share of that size in each moment.
    assert_allclose(weak.share, none.share, rtol=2e-5)
    assert_allclose(weak.snr_square, none.snr_square, rtol=4e-5)


@pytest.mark.parametrize("name", ["share", "noise_square", "snr_square"])
def test_expansions_for_many_tokens_leave_out_one_over_m_squared(name):
    """The gap to limit · (1 + correction) falls as 1/m², and the gap to the limit alone as 1/m."""
    m = np.array([40_000, 400_000])
    mixture = ContextualMixture(5, 5 * m // 4, m // 4, 1.2, 0.8, 0.7, delta_context=0.1)
    exact = getattr(attention_moments(mixture, 0.9), name)
    expansion = getattr(large_tokens_moments(mixture, 0.9), name)
    first = exact / expansion.limit - 1
    second = exact / (expansion.limit * (1 + expansion.correction)) - 1
    # The next order is a share of about e^{8s²}/m of the gap: 2e-3 and 2e-4 with s = 0.76.
    assert_allclose(np.diff(np.log(np.abs(first))) / np.log(10), -1, atol=0.02)
    assert_allclose(np.diff(np.log(np.abs(second))) / np.log(10), -2, atol=0.05)


@pytest.mark.parametrize(("name", "m"), [("share", 200), ("noise_square", 1000), ("snr_square", 60_000)])
def test_expansions_for_many_tokens_with_both_corrections_leave_out_one_over_m_cubed(name, m):
    many = np.array([m, 10 * m])
    mixture = ContextualMixture(5, 5 * many // 4, many // 4, 1.2, 0.8, 0.7, delta_context=0.1)
    exact = getattr(attention_moments(mixture, 0.9), name)
    expansion = getattr(large_tokens_moments(mixture, 0.9), name)
    third = exact / (expansion.limit * (1 + expansion.correction + expansion.second)) - 1
    # The next order is a share of a few per cent at the smaller m, and rounding one of a per cent at the larger.
    assert_allclose(np.diff(np.log(np.abs(third))) / np.log(10), -3, atol=0.06)


def test_the_best_inverse_temperature_for_many_tokens():
    """Largest limit of κ² at τ = (1 + δ_q)/(2σ²), where the gain over τ = 0 is e^{(1+δ_q)² Q²/(2σ²)}."""
    mixture = mixture_of(900, 100, noise=0.8, context_norm=1.3, delta_context=0.4)
    best = 1.4 / (2 * 0.64)
    taus = best * np.array([0.0, 0.99, 1.0, 1.01])
    snr = large_tokens_moments(mixture, taus).snr_square.limit
    assert np.argmax(snr) == 2
    assert_allclose(snr[2] / snr[0], np.exp(1.4**2 * 1.69 / (2 * 0.64)), rtol=1e-12)


@settings(max_examples=60)
@given(
    m=st.floats(0, 6).map(lambda power: round(10**power)),
    relevant=st.integers(1, 1000),
    spread=st.floats(1e-3, 5),
    context=st.floats(0.1, 3),
    delta_context=st.floats(-3, 3),
    delta_signal=st.floats(-3, 3),
)
def test_moments_obey_their_inequalities(m, relevant, spread, context, delta_context, delta_signal):
    mixture = mixture_of(m, relevant, context_norm=context, delta_context=delta_context, delta_signal=delta_signal)
    moments = attention_moments(mixture, spread / context)
    slack = 1 + 1e-9
    assert 0 < moments.share_square <= moments.share * slack
    assert moments.share**2 <= moments.share_square * slack
    assert moments.share <= slack
    assert 0 < moments.noise_square < slack
    assert moments.noise_square >= (1 - moments.share) ** 2 / m / slack  # Cauchy and Schwarz, then Jensen
    assert np.isfinite(moments.snr_square)
    assert moments.relative_error < PROMISED


@pytest.mark.parametrize(
    ("mixture", "temperature", "function", "words"),
    [
        (mixture_of(9), 7.0, attention_moments, "inverse_temperature must keep .* at most 5, got 7"),
        (mixture_of(9), -1.0, attention_moments, "inverse_temperature must be finite and at least 0, got -1"),
        (mixture_of(9, delta_signal=0.1), 1.0, large_tokens_moments, "delta_signal must be 0"),
        (mixture_of(9, noise=0), 1.0, large_tokens_moments, "noise must be greater than 0"),
        (ContextualMixture(5, 2, 2), 1.0, large_tokens_moments, "relevant_tokens must be less than tokens"),
        (mixture_of(9, noise_kind="prompt-orthogonal"), 1.0, large_tokens_moments, "noise_kind must be isotropic"),
    ],
)
def test_bad_arguments_are_refused(mixture, temperature, function, words):
    with pytest.raises(ArgumentError, match=words):
        function(mixture, temperature)
