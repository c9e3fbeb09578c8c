"""The claims on known prompts: exact errors, limits, and what the context is worth."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

import theory
from numerics.simulators.sequences import context_vector, signal_vector
from numerics.verification.claim import Arm, Claim, Setting
from numerics.verification.experiments import (
    attention_share,
    given_model_error,
    population_error,
    small_error,
    trained_head_error,
)
from theory import (
    ContextualMixture,
    Head,
    TrainedModel,
    attention_moments,
    exact_risk,
    hard_attention_error,
    known_prompt_error,
)
from theory.arguments import single

DERIVED = "derived here"
KNOWN_PROMPT = "derived here; makes precise the abstract's claim of exact finite-sample performance with a known prompt"
LIMITS = "derived here; makes precise the abstract's claim of fundamental performance limits"
BENEFIT = "derived here; makes precise the abstract's claim of the benefit of the context information"

DIMENSION = 21
SAMPLES = (DIMENSION // 2, DIMENSION - 1, 2 * DIMENSION)
"""Training sizes below, at and above p = d - 1, the dimension of the head."""

PROMPTED = ContextualMixture(
    dimension=DIMENSION,
    tokens=6,
    relevant_tokens=1,
    noise_kind="prompt-orthogonal",
    delta_context=0.2,
    delta_signal=0.1,
)
POOLED = ContextualMixture(dimension=DIMENSION, tokens=6, relevant_tokens=2, signal_norm=1.25)
FLUCTUATING = replace(POOLED, signal_norm=0.6)
"""Under isotropic noise and a prompt, attention fluctuates from sequence to sequence.  Errors near 1/4 cost least."""

STRONG = ContextualMixture(DIMENSION, 6, 3, signal_norm=1.2, noise_kind="prompt-orthogonal")
"""So strong a signal that errors are rarer than one in a million."""


# --- predictions ---


@cache
def predict_error(mixture: ContextualMixture, head: Head, regime: str = "exact") -> float:
    """Return the test error of a trained head."""
    return float(known_prompt_error(mixture, head, regime=regime).error)


def predict_population_error(mixture: ContextualMixture, inverse_temperature: float) -> float:
    """Return the test error of the head w⋆."""
    return theory.population_error(mixture, inverse_temperature)


def predict_hard_attention(mixture: ContextualMixture) -> float:
    """Return the test error of the head w⋆ at zero temperature."""
    return float(hard_attention_error(mixture))


def predict_attention_share(mixture: ContextualMixture, inverse_temperature: float) -> float:
    """Return E A."""
    return float(attention_moments(mixture, inverse_temperature).share)


def predict_risk(mixture: ContextualMixture, prompt: tuple[float, ...], head: tuple[float, ...]) -> float:
    """Return the test error of a given model."""
    model = TrainedModel(context_vector(mixture), signal_vector(mixture), np.array(prompt), np.array(head))
    return exact_risk(
        model,
        tokens=int(single(mixture.tokens)),
        relevant_tokens=int(single(mixture.relevant_tokens)),
        noise=single(mixture.noise),
        noise_kind=mixture.noise_kind,
    ).error


def predict_nothing(**_: object) -> float:
    """Return 0: what is compared with each other does not differ."""
    return 0.0


def predict_minus_the_limit(mixture: ContextualMixture, head: Head) -> float:
    """Return minus the error in the proportional regime."""
    return -predict_error(mixture, head, "proportional")


# --- settings that several claims share ---


def every_size(
    mixture: ContextualMixture, head: Head, simulators: tuple[str, ...] = ("overlap", "scores", "tokens")
) -> tuple[Setting, ...]:
    """Return every training size with every simulator; tokens cost most, and only at the peak in a default run."""
    return tuple(
        Setting(
            f"n = {samples}, {simulator}",
            (Arm(trained_head_error(mixture, replace(head, samples=samples), simulator)),),
            predict_error,
            {"mixture": mixture, "head": replace(head, samples=samples)},
            effort="thorough" if simulator == "tokens" and samples != DIMENSION - 1 else "default",
        )
        for samples in SAMPLES
        for simulator in simulators
    )


def extrapolated(mixture: ContextualMixture, head: Head) -> tuple[tuple[ContextualMixture, Head, float], ...]:
    """Return two sizes, with the weights of a combination that comes close to the proportional limit.

    The error at n differs from the limit n, p → ∞ at fixed p/n by a/n + b/n² + O(1/n³): at n and 2n with p in
    proportion, 2 E_2n - E_n is free of a, and differs by -b/(2n²).
    """
    twice = replace(mixture, dimension=2 * single(mixture.dimension) - 1)
    return (mixture, head, -1.0), (twice, replace(head, samples=2 * single(head.samples)), 2.0)


LEFT_OUT = 5e-4
"""Share of the error that two sizes of at least 40 leave out, of order 1/n²; known exact errors leave out 3.5e-4."""


def _limit(head: Head) -> tuple[Setting, ...]:
    """Return the setting at which a head is compared with its proportional limit."""
    large = replace(FLUCTUATING, dimension=41)
    sizes = extrapolated(large, head)
    arms = tuple(Arm(trained_head_error(mixture, larger, "scores"), weight) for mixture, larger, weight in sizes)
    samples = [int(single(larger.samples)) for _, larger, _ in sizes]
    arguments = {"mixture": large, "head": head, "regime": "proportional"}
    label = f"n = {samples[0]} and {samples[1]}, scores"
    return (Setting(label, arms, predict_error, arguments, allowance=LEFT_OUT),)


def _difference(mixture: ContextualMixture, better: Head, worse: Head) -> tuple[Arm, Arm]:
    """Return the arms of by how much one head errs more than another."""
    return Arm(trained_head_error(mixture, worse, "scores")), Arm(trained_head_error(mixture, better, "scores"), -1.0)


def _above_the_limit(mixture: ContextualMixture, head: Head) -> Setting:
    """Return the setting at which a head is held against the best one."""
    best = replace(head, kind="weighted-averaging", ridge=None)
    arms = _difference(mixture, best, head)
    return Setting(head.kind, arms, predict_nothing, {"mixture": mixture, "head": best}, scale=predict_error)


def _same_kappa() -> tuple[Setting, ...]:
    """Return mixtures that differ in everything but κ, beside the first of them."""
    first = ContextualMixture(DIMENSION, 6, 1, noise_kind="prompt-orthogonal")
    # κ = R e^{τQ²} W/(σ √(T - R)) without δ.
    others = {
        "longer sequences": ContextualMixture(
            DIMENSION, 21, 2, signal_norm=1.0, noise_kind="prompt-orthogonal", noise=2 / np.sqrt(19) * np.sqrt(5)
        ),
        "louder noise, stronger context": ContextualMixture(
            DIMENSION, 6, 1, context_norm=1.5, noise=np.exp(1.25), noise_kind="prompt-orthogonal"
        ),
    }
    head = Head(SAMPLES[2], kind="least-squares")
    return tuple(
        Setting(
            label,
            (Arm(trained_head_error(first, head, "scores")), Arm(trained_head_error(other, head, "scores"), -1.0)),
            predict_nothing,
            {"mixture": first, "head": head},
            scale=predict_error,
        )
        for label, other in others.items()
    )


def moved_by_an_exponent(mixture: ContextualMixture, head: Head) -> float:
    """Return twice what E_n - 2 E_2n + L is if the exponent is 3/2: 0.29 of the distance to the limit (0.41 at 1/2)."""
    distance = predict_error(mixture, head) - predict_error(mixture, head, "proportional")
    return 2 * (1 - 2**-0.5) * abs(distance)


def _rate(mixture: ContextualMixture, head: Head) -> Setting:
    """Return the setting at which the distance E_n - L to the proportional limit falls as 1/n.

    Were it a n^-r, then E_n - 2 E_2n would differ from -L by a n^-r (1 - 2^(1-r)): by nothing at r = 1 alone.  The
    next order adds up to 4 % of the distance; 6 % are allowed for.
    """
    sizes = extrapolated(mixture, head)
    return Setting(
        f"{head.kind}, n = {single(head.samples):g} and {2 * single(head.samples):g}, overlap",
        tuple(Arm(trained_head_error(larger, taught, "overlap"), -weight) for larger, taught, weight in sizes),
        predict_minus_the_limit,
        {"mixture": mixture, "head": head},
        allowance=0.1,
        scale=moved_by_an_exponent,
        finest=0.5,
    )


GIVEN_PROMPT = (1.0, 0.4, -0.3, 0.0, 0.2, 0.0, 0.0, 0.0)
GIVEN_HEAD = (0.3, 1.0, 0.2, -0.5, 0.0, 0.4, 0.0, 0.0)
GIVEN = ContextualMixture(8, 8, 2, signal_norm=1.5)
HARD = ContextualMixture(3, 64, 2, context_norm=2.5, delta_signal=0.2)

KNOWN_PROMPT_CLAIMS = (
    Claim(
        "averaging-known-prompt",
        "Averaging with a known prompt",
        "With a known prompt and prompt-orthogonal noise, the averaging head errs with probability "
        "P(χ'²_p(κ²(√n+1)²/2) < χ'²_p(κ²(√n-1)²/2)), p = d - 1, for every n.",
        r"\mathrm{ERR} = \mathbb{P}\left( \chi'^2_p\left(\tfrac{\kappa^2 (\sqrt{n}+1)^2}{2}\right) "
        r"< \chi'^2_p\left(\tfrac{\kappa^2 (\sqrt{n}-1)^2}{2}\right) \right)",
        KNOWN_PROMPT,
        "equality",
        every_size(PROMPTED, Head(1)),
    ),
    Claim(
        "least-squares-known-prompt",
        "Least squares with a known prompt",
        "With a known prompt and prompt-orthogonal noise, the least-squares head (minimum norm for n ≤ p) errs with "
        "probability E P(xᵀy < 0), the means of x and y at an angle θ, cos²θ ~ Beta((|n-p|+1)/2, (min(n,p)-1)/2).",
        r"\mathrm{ERR} = \mathbb{E}_\theta \, \mathbb{P}(x^\top y < 0), \quad "
        r"\cos^2\theta \sim \mathrm{Beta}\left(\tfrac{|n-p|+1}{2}, \tfrac{\min(n,p)-1}{2}\right)",
        KNOWN_PROMPT,
        "equality",
        every_size(PROMPTED, Head(1, kind="least-squares")),
    ),
    Claim(
        "averaging-uniform-pooling",
        "Averaging without a prompt",
        "Without a prompt (uniform pooling, isotropic noise) the averaging head follows the same law with "
        "κ² = T ζ² W²/((1-ζ) σ²).",
        r"\kappa^2 = \frac{T \zeta^2 W^2}{(1-\zeta)\, \sigma^2}",
        DERIVED,
        "equality",
        every_size(POOLED, Head(1, 0.0)),
    ),
    Claim(
        "least-squares-uniform-pooling",
        "Least squares without a prompt",
        "Without a prompt (uniform pooling, isotropic noise) the least-squares head follows the same law with "
        "κ² = T ζ² W²/((1-ζ) σ²).",
        r"\kappa^2 = \frac{T \zeta^2 W^2}{(1-\zeta)\, \sigma^2}",
        DERIVED,
        "equality",
        every_size(POOLED, Head(1, 0.0, kind="least-squares")),
    ),
    Claim(
        "averaging-fluctuating-attention",
        "Averaging under fluctuating attention",
        "With a known prompt and isotropic noise, attention fluctuates; the averaging head errs with probability "
        "E P(xᵀy < 0), the means of x and y being Σ M W/√(Σ S²) over n sequences and M W/S of a fresh one.",
        r"\mathrm{ERR} = \mathbb{E}\, \mathbb{P}(x^\top y < 0), \quad "
        r"\mathbb{E}[x] = \frac{\sum_i M_i W}{\sqrt{\sum_i S_i^2}}\, e, \; \mathbb{E}[y] = \frac{M W}{S}\, e",
        KNOWN_PROMPT,
        "equality",
        every_size(FLUCTUATING, Head(1), ("scores", "tokens")),
    ),
    Claim(
        "weighted-averaging-fluctuating-attention",
        "The best head under fluctuating attention",
        "The best head that n sequences allow, Σ (M/S²) y h, errs with probability E P(xᵀy < 0), the mean of x being "
        "√(Σ κ²), κ = M W/S.",
        r"\mathrm{ERR} = \mathbb{E}\, \mathbb{P}(x^\top y < 0), \quad "
        r"\mathbb{E}[x] = \sqrt{\textstyle\sum_i \kappa_i^2}\; e, \; \kappa = \frac{M W}{S}",
        LIMITS,
        "equality",
        every_size(FLUCTUATING, Head(1, kind="weighted-averaging"), ("scores", "tokens")),
    ),
    Claim(
        "averaging-linear-attention",
        "Averaging on linear attention",
        "The averaging head on linear-prompt-attention follows the same law, with noise S² of a noncentral χ²_m law.",
        r"S^2 = \frac{\sigma^2}{T^2} \sum_{t \le m} \left(\sigma Q\, g_t - \delta_q Q^2\right)^2",
        DERIVED,
        "equality",
        every_size(FLUCTUATING, Head(1, attention="linear"), ("scores", "tokens")),
    ),
    Claim(
        "least-squares-proportional",
        "Least squares in the proportional regime",
        "As n, p → ∞ at fixed p/n, the error of least squares under fluctuating attention tends to E Q(κ c), c from "
        "the fixed point of ridge regression without penalty.",
        r"\mathrm{ERR} \to \mathbb{E}\, \mathcal{Q}(\kappa\, c_w), \quad "
        r"V\, \mathbb{E}\left[\frac{S^2}{1 + V S^2}\right] = \gamma",
        DERIVED,
        "equality",
        _limit(Head(80, kind="least-squares")),
    ),
    Claim(
        "ridge-proportional",
        "Ridge regression in the proportional regime",
        "As n, p → ∞ at fixed p/n, the error of ridge regression tends to E Q(κ c), c from its fixed point.",
        r"\mathrm{ERR} \to \mathbb{E}\, \mathcal{Q}(\kappa\, c_w), \quad "
        r"V \left(\lambda + \mathbb{E}\left[\frac{S^2}{1 + V S^2}\right]\right) = \gamma",
        DERIVED,
        "equality",
        _limit(Head(40, kind="ridge", ridge=0.1)),
    ),
    Claim(
        "ridge-linear-attention-proportional",
        "Ridge regression on linear attention in the proportional regime",
        "The same on linear-prompt-attention.",
        r"\mathrm{ERR} \to \mathbb{E}\, \mathcal{Q}(\kappa\, c_w), \quad "
        r"V \left(\lambda + \mathbb{E}\left[\frac{S^2}{1 + V S^2}\right]\right) = \gamma",
        DERIVED,
        "equality",
        _limit(Head(40, attention="linear", kind="ridge", ridge=0.1)),
    ),
    Claim(
        "logistic-proportional",
        "Logistic regression in the proportional regime",
        "As n, p → ∞ at fixed p/n, the error of logistic regression tends to E Q(κ c), c from Gordon's scalar problem.",
        r"\mathrm{ERR} \to \mathbb{E}\, \mathcal{Q}(\kappa\, c_w), \quad "
        r"u = \mathrm{prox}_{V S^2 \ell}(M W w_1 + S \nu Z), \; "
        r"V \left(\lambda + \mathbb{E}\left[\frac{S^2 \ell''(u)}{1 + V S^2 \ell''(u)}\right]\right) = \gamma",
        DERIVED,
        "equality",
        _limit(Head(40, kind="logistic", ridge=0.1)),
    ),
    Claim(
        "max-margin-proportional",
        "The max-margin head in the proportional regime",
        "As n, p → ∞ at fixed p/n above the separability threshold, the error of the max-margin head tends to "
        "E Q(κ c), c from Gordon's scalar problem.",
        r"\mathrm{ERR} \to \mathbb{E}\, \mathcal{Q}(\kappa\, c_w), \quad "
        r"\min_c \left\{ \mathbb{E}\left[ \left( \tfrac{r}{S} - c \kappa - Z \right)_+^2 \right] "
        r"- \gamma (1 - c^2) \right\} = 0",
        DERIVED,
        "equality",
        _limit(Head(40, kind="max-margin")),
    ),
    Claim(
        "rate-of-convergence",
        "The proportional limit is approached as 1/n",
        "With n and p in proportion, the distance of the exact error from its proportional limit falls as 1/n: with "
        "exponent 1, to within the difference that is detectable.",
        r"\mathrm{ERR}_n - \mathrm{ERR}_\infty = \frac{a}{n} + O(n^{-2}), \quad \frac{p}{n} = \gamma",
        DERIVED,
        "rate",
        (
            _rate(replace(PROMPTED, dimension=31, signal_norm=2.0), Head(3)),
            _rate(replace(PROMPTED, dimension=5, signal_norm=0.75), Head(8, kind="least-squares")),
        ),
    ),
    Claim(
        "one-number-decides",
        "Only κ counts",
        "Under deterministic attention the error depends on T, R, Q, W, σ and τ through κ alone: mixtures of one κ "
        "have one error.",
        r"\mathrm{ERR}(T, R, Q, W, \sigma, \tau; n, p) = \mathrm{ERR}(\kappa; n, p), \quad \kappa = \frac{M W}{S}",
        DERIVED,
        "collapse",
        _same_kappa(),
    ),
    Claim(
        "no-head-beats-the-limit",
        "No head beats the limit",
        "No head learned from n features errs less than the weighted average Σ (M/S²) y h, over all directions of w⋆.",
        r"\mathrm{ERR}(\hat w) \ge \mathrm{ERR}\left( \textstyle\sum_i \tfrac{M_i}{S_i^2}\, y_i h_i \right)",
        LIMITS,
        "inequality",
        tuple(
            _above_the_limit(FLUCTUATING, head)
            for head in (
                Head(SAMPLES[1]),
                Head(SAMPLES[2], kind="least-squares"),
                Head(SAMPLES[1], kind="ridge", ridge=0.1),
                Head(SAMPLES[1], kind="logistic", ridge=0.1),
            )
        ),
    ),
    Claim(
        "small-errors",
        "Errors too small to see",
        "The exact formulas hold where errors are rarer than one in a million: simulated under a measure that makes "
        "them frequent.",
        r"\mathrm{ERR} = \mathbb{P}(x^\top y < 0) = \mathbb{E}_s\left[ e^{s x^\top y} B\, 1\{x^\top y < 0\} \right]",
        KNOWN_PROMPT,
        "equality",
        tuple(
            Setting(
                f"{kind}, n = {samples}, tilted",
                (Arm(small_error(STRONG, Head(samples, kind=kind))),),
                predict_error,
                {"mixture": STRONG, "head": Head(samples, kind=kind)},
            )
            for kind, samples in (("averaging", 12), ("least-squares", 80))
        ),
    ),
    Claim(
        "attention-on-relevant-tokens",
        "Attention on the relevant tokens",
        "Under the known prompt the relevant tokens receive the attention E A = ∫ c e^{-ct} ψ(t)^m dt.",
        r"\mathbb{E}[A] = c \int_0^\infty e^{-c t}\, \psi(t)^m \, dt, \quad \psi(t) = \mathbb{E}\, e^{-t L}",
        BENEFIT,
        "equality",
        tuple(
            Setting(
                f"τ = {temperature:g}",
                (Arm(attention_share(FLUCTUATING, temperature)),),
                predict_attention_share,
                {"mixture": FLUCTUATING, "inverse_temperature": temperature},
            )
            for temperature in (0.5, 2.0)
        ),
    ),
    Claim(
        "population-error",
        "The error of the best head at finite T",
        "With infinitely many examples prompt-attention errs with probability E Q(M W/S).",
        r"\mathrm{ERR} = \mathbb{E}\, \mathcal{Q}\left( \frac{M W}{S} \right)",
        BENEFIT,
        "equality",
        tuple(
            Setting(
                f"τ = {temperature:g}",
                (Arm(population_error(FLUCTUATING, temperature)),),
                predict_population_error,
                {"mixture": FLUCTUATING, "inverse_temperature": temperature},
            )
            for temperature in (0.5, 2.0)
        ),
    ),
    Claim(
        "hard-attention",
        "Attention at zero temperature",
        "As τ → ∞ the population error tends to (1 - Φ(a)^m) Φ(δ_w W/σ), a = (1 + δ_q) Q/σ, for every m.",
        r"\mathrm{ERR} \to \left(1 - \Phi(a)^m\right) \Phi\left(\frac{\delta_w W}{\sigma}\right), \quad "
        r"a = \frac{(1 + \delta_q)\, Q}{\sigma}",
        BENEFIT,
        "equality",
        (
            Setting(
                f"m = {int(single(HARD.irrelevant_tokens))}, τ = 1e6",
                (Arm(population_error(HARD, 1e6)),),
                predict_hard_attention,
                {"mixture": HARD},
                allowance=1e-4,  # the limit is approached as 1/τ
            ),
        ),
    ),
    Claim(
        "exact-risk",
        "The exact risk of a given model",
        "A given prompt and head err with the probability that the inversion of a characteristic function gives, "
        "at any angle between them.",
        r"\mathbb{P}(y f < 0) = \frac12 - \frac1\pi \int_0^\infty "
        r"\mathrm{Im}\left( e^{iuc} \phi(u)^m \right) \frac{du}{u}",
        DERIVED,
        "equality",
        (
            Setting(
                "d = 8, T = 8",
                (Arm(given_model_error(GIVEN, GIVEN_PROMPT, GIVEN_HEAD)),),
                predict_risk,
                {"mixture": GIVEN, "prompt": GIVEN_PROMPT, "head": GIVEN_HEAD},
            ),
        ),
    ),
)
