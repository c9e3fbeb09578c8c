"""Wrong theories over every claim of the catalogue: each must be refuted, or the claim is checked in name only.

A change leaves label and experiments alone wherever the prediction alone is wrong: one simulation serves them all.
"""

from __future__ import annotations

from collections.abc import Iterable

from numerics.verification.catalogue import CLAIMS
from numerics.verification.known_prompt_claims import predict_error
from tests import wrong_formulas as wrong
from tests.wrong_changes import (
    Change,
    WrongTheory,
    argument,
    best_of_fewer_samples,
    by_a_margin,
    claiming,
    compared_with,
    head,
    mixture,
    times,
    turned_round,
)
from tests.wrong_descent_theories import DESCENT, UNSEEN_DESCENT
from tests.wrong_noisy_relevant_theories import NOISY_RELEVANT
from tests.wrong_real_data_theories import REAL_DATA
from theory.arguments import single

ONE_SAMPLE_LESS = head(samples=lambda old: single(old.samples) - 1)
ONE_SAMPLE_MORE = head(samples=lambda old: single(old.samples) + 1)
ONE_DIMENSION_MORE = mixture(dimension=lambda old: single(old.dimension) + 1)
ONE_DIMENSION_LESS = mixture(dimension=lambda old: single(old.dimension) - 1)
ONE_NOISE_TOKEN_MORE = mixture(tokens=lambda old: single(old.tokens) + 1)
ALL_TOKENS_NOISY = mixture(tokens=lambda old: single(old.tokens + old.relevant_tokens))
ONE_RELEVANT = mixture(
    tokens=lambda old: single(old.irrelevant_tokens) + 1,
    relevant_tokens=1,
)
ROOT_TWO_KAPPA = claiming(wrong.by_kappa(lambda kappa, _: 2**0.5 * kappa))
WITHOUT_FLUCTUATION = mixture(noise_kind="prompt-orthogonal")
MEAN_WEIGHTS = mixture(noise_kind="prompt-orthogonal", delta_context=-0.5)
"""L = E e^{s g} = e^{s²/2} for all irrelevant tokens, at τ = σ = Q = 1."""

SIZES: dict[str, Change] = {
    "n - 1 for n": ONE_SAMPLE_LESS,
    "n + 1 for n": ONE_SAMPLE_MORE,
    "d for p": ONE_DIMENSION_MORE,
    "d - 2 for p": ONE_DIMENSION_LESS,
}

POOLING: dict[str, Change] = {
    "ζ for 1 - ζ in κ²": claiming(wrong.by_kappa(lambda kappa, m: kappa * float((1 - m.sparsity) / m.sparsity) ** 0.5)),
    "no 1 - ζ in κ²": claiming(wrong.by_kappa(lambda kappa, m: kappa * float(1 - m.sparsity) ** 0.5)),
    "ζ for ζ² in κ²": claiming(wrong.by_kappa(lambda kappa, m: kappa / float(m.sparsity) ** 0.5)),
    "m for T in κ²": claiming(wrong.by_kappa(lambda kappa, m: kappa * float(m.irrelevant_tokens / m.tokens) ** 0.5)),
    "W for W² in κ²": claiming(wrong.by_kappa(lambda kappa, m: kappa / single(m.signal_norm) ** 0.5)),
}

LEAST_SQUARES: dict[str, Change] = {
    "averaging's error": head(kind="averaging"),
    "|n - p|/2 for (|n - p| + 1)/2": claiming(
        wrong.by_angle(lambda n, p: (max(abs(n - p), 1e-9) / 2, (min(n, p) - 1) / 2))
    ),
    "min(n, p)/2 for (min(n, p) - 1)/2": claiming(wrong.by_angle(lambda n, p: ((abs(n - p) + 1) / 2, min(n, p) / 2))),
}

LIMITS: dict[str, Change] = {
    "c² for c": claiming(wrong.by_overlap(lambda cosine, _: cosine**2)),
    "Q(√Eκ² c) for E Q(κ c)": claiming(wrong.one_kappa_in_the_limit),
}

FLUCTUATING: dict[str, Change] = {
    "κ² = E κ² in tests": claiming(wrong.one_test_kappa),
    "L = 1": WITHOUT_FLUCTUATION,
    "L = E L": MEAN_WEIGHTS,
    "m + R for m": ALL_TOKENS_NOISY,
}

SPECIFIC: dict[str, dict[str, Change]] = {
    "averaging-known-prompt": {
        **SIZES,
        "κ² without its 1/2": ROOT_TWO_KAPPA,
        "infinitely many examples": claiming(wrong.gaussian_tail),
        "least squares' error": head(kind="least-squares"),
        "δ_w dropped": mixture(delta_signal=0.0),
        "δ_q dropped": mixture(delta_context=0.0),
        "no prompt": head(inverse_temperature=0.0),
        "m + R for m": ALL_TOKENS_NOISY,
    },
    "least-squares-known-prompt": {
        **SIZES,
        **LEAST_SQUARES,
        "κ² without its 1/2": ROOT_TWO_KAPPA,
        "δ_w dropped": mixture(delta_signal=0.0),
    },
    "averaging-uniform-pooling": {**SIZES, **POOLING, "κ² without its 1/2": ROOT_TWO_KAPPA},
    "least-squares-uniform-pooling": {**SIZES, **POOLING, **LEAST_SQUARES},
    "averaging-full-head": {
        "n - 1 for n": ONE_SAMPLE_LESS,
        "n + 1 for n": ONE_SAMPLE_MORE,
        "label imbalance dropped": head(space="orthogonal"),
        "noise along the prompt": claiming(wrong.full_head(noisy=True)),
        "p + 1 for p": claiming(wrong.full_head(extra_dimension=1)),
        "√2 b for b": claiming(wrong.full_head(context=2**0.5)),
        "κ² and b² without their 1/2": claiming(wrong.full_head(noise=0.5**0.5)),
    },
    "averaging-full-head-uniform-pooling": {
        "n - 1 for n": ONE_SAMPLE_LESS,
        "n + 1 for n": ONE_SAMPLE_MORE,
        "label imbalance dropped": claiming(wrong.full_head(context=0.0)),
        "orthogonal head": head(space="orthogonal"),
        "noise along the prompt dropped": claiming(wrong.full_head(noisy=False)),
        "p + 1 for p": claiming(wrong.full_head(extra_dimension=1)),
        "√2 b for b": claiming(wrong.full_head(context=2**0.5)),
    },
    "least-squares-full-head": {
        "n + 1 for n": ONE_SAMPLE_MORE,
        "d - 2 for p": ONE_DIMENSION_LESS,
        "orthogonal head": head(space="orthogonal"),
        "averaging's error": head(kind="averaging"),
        "as many labels of either sign": claiming(wrong.full_head_least_squares(balanced=True)),
        "intercept without noise": claiming(wrong.full_head_least_squares(noisy_mean=False)),
        "no intercept": claiming(wrong.full_head_least_squares(noisy_mean=False, moved=False, shift=False)),
        "intercept without the mean feature": claiming(wrong.full_head_least_squares(moved=False)),
        "√2 κ for κ": claiming(wrong.full_head_least_squares(kappa=2**0.5)),
    },
    "averaging-fluctuating-attention": {
        "n - 1 for n": ONE_SAMPLE_LESS,
        "n + 1 for n": ONE_SAMPLE_MORE,
        **FLUCTUATING,
        "weighted averaging's error": head(kind="weighted-averaging"),
        "M = E M, S² = E S²": claiming(wrong.mean_signal_and_noise),
        "no prompt": head(inverse_temperature=0.0),
    },
    "weighted-averaging-fluctuating-attention": {
        "n - 1 for n": ONE_SAMPLE_LESS,
        "n + 1 for n": ONE_SAMPLE_MORE,
        **FLUCTUATING,
        "the proportional limit": argument("regime", "proportional"),
        "averaging's error": head(kind="averaging"),
        "κ² = E κ²": claiming(wrong.mean_square_kappa),
        "training does not fluctuate": claiming(wrong.one_training_length),
    },
    "averaging-linear-attention": {
        "softmax attention": head(attention="softmax"),
        "no prompt": head(attention="softmax", inverse_temperature=0.0),
        "weighted averaging's error": head(kind="weighted-averaging"),
        "S² = E S²": claiming(wrong.mean_signal_and_noise),
        "κ² = E κ² in tests": claiming(wrong.one_test_kappa),
        "χ²_{m+1} for χ²_m": ONE_NOISE_TOKEN_MORE,
    },
    "least-squares-proportional": {
        **LIMITS,
        "averaging's limit": head(kind="averaging"),
        "ridge's limit, λ = 0.1": head(kind="ridge", ridge=0.1),
        "1 - γ for √(1 - γ)": claiming(wrong.by_overlap(lambda cosine, gamma: cosine * (1 - gamma) ** 0.5)),
        "no √(1 - γ)": claiming(wrong.by_overlap(lambda cosine, gamma: cosine / (1 - gamma) ** 0.5)),
        "L = 1": WITHOUT_FLUCTUATION,
    },
    "ridge-proportional": {
        **LIMITS,
        "2λ for λ": head(ridge=0.2),
        "λ/2 for λ": head(ridge=0.05),
        "λ = 0": head(ridge=0.0),
        "logistic's limit": head(kind="logistic"),
        "L = 1": WITHOUT_FLUCTUATION,
    },
    "ridge-linear-attention-proportional": {
        **LIMITS,
        "λ = 0": head(ridge=0.0),
        "softmax attention": head(attention="softmax"),
        "χ²_{m+1} for χ²_m": ONE_NOISE_TOKEN_MORE,
    },
    "logistic-proportional": {
        **LIMITS,
        "ridge's limit": head(kind="ridge"),
        "max-margin's limit": head(kind="max-margin", ridge=None),
        "L = 1": WITHOUT_FLUCTUATION,
    },
    "max-margin-proportional": {
        **LIMITS,
        "least squares' limit": head(kind="least-squares"),
        "averaging's limit": head(kind="averaging"),
        "logistic's limit, λ = 0.1": head(kind="logistic", ridge=0.1),
        "logistic's limit, λ = 0.001": head(kind="logistic", ridge=0.001),
        "L = 1": WITHOUT_FLUCTUATION,
    },
    "rate-of-convergence": {
        "exponent 1/2": claiming(wrong.with_exponent(0.5)),
        "exponent 3/2": claiming(wrong.with_exponent(1.5)),
        "exponent 2": claiming(wrong.with_exponent(2.0)),
        "limit 5 % too large": times(1.05),
    },
    "one-number-decides": {
        "equal ζ": compared_with(tokens=12, relevant_tokens=2),
        "equal W/σ": compared_with(signal_norm=1.25, noise=1.25, context_norm=1.25),
        "equal W/σ and R": compared_with(tokens=9),
        "equal τQ² + ln R": compared_with(tokens=8, relevant_tokens=2, context_norm=lambda _: (1 - 0.6931472) ** 0.5),
        "errors differ by 5 %": claiming(lambda **known: 0.05 * predict_error(**known)),
    },
    "no-head-beats-the-limit": {
        "every head beats the limit": turned_round,
        "every head errs 20 % more than the limit": by_a_margin(0.2),
        "no head beats the best of n/4": best_of_fewer_samples,
    },
    "small-errors": {
        **SIZES,
        "κ 2 % too large": claiming(wrong.by_kappa(lambda kappa, _: 1.02 * kappa)),
        "κ 2 % too small": claiming(wrong.by_kappa(lambda kappa, _: 0.98 * kappa)),
        "infinitely many examples": claiming(wrong.gaussian_tail),
    },
    "attention-on-relevant-tokens": {
        "R dropped": ONE_RELEVANT,
        "m + 1 for m": ONE_NOISE_TOKEN_MORE,
        "m + R for m": ALL_TOKENS_NOISY,
        "L = 1": WITHOUT_FLUCTUATION,
        "E c/(c + m E L)": claiming(wrong.share_at_mean_score),
        "E A² for E A": claiming(wrong.share_square),
        "uniform attention": argument("inverse_temperature", 0.0),
    },
    "population-error": {
        "R dropped": ONE_RELEVANT,
        "m + 1 for m": ONE_NOISE_TOKEN_MORE,
        "m + R for m": ALL_TOKENS_NOISY,
        "L = 1": claiming(wrong.tail_without_fluctuation),
        "Q(√Eκ²) for E Q(κ)": claiming(wrong.tail_at_mean_square),
        "Q(E M W/√E S²) for E Q(M W/S)": claiming(wrong.tail_of_means),
        "no prompt": argument("inverse_temperature", 0.0),
    },
    "hard-attention": {
        "1/2 for Φ(δ_w W/σ)": claiming(wrong.hard(turned=0.0)),
        "-δ_w for δ_w": claiming(wrong.hard(turned=-1.0)),
        "m + R for m": claiming(wrong.hard(more_terms=2)),
        "R for m": claiming(wrong.hard(more_terms=2 - 62)),
        "m Φ(-a) for 1 - Φ(a)^m": claiming(wrong.hard(union=True)),
        "√2 a for a": claiming(wrong.hard(advantage=2**0.5)),
    },
    "exact-risk": {
        "w_q dropped": claiming(wrong.risk(slope=0.0)),
        "-w_q for w_q": claiming(wrong.risk(slope=-1.0)),
        "R dropped": claiming(wrong.risk(relevant=1.0)),
        "m + R for m": claiming(wrong.risk(more_terms=2)),
        "m + 1 for m": claiming(wrong.risk(more_terms=1)),
        "no signal in the scores": claiming(wrong.risk(signal_in_score=False)),
        "no context in the decision": claiming(wrong.risk(context_in_decision=False)),
        "one label alone": claiming(wrong.risk(labels=(1,))),
        "q̂ for q": claiming(wrong.risk(prompt_length=1 / 1.29**0.5)),
        "δ_q = 0.2": claiming(wrong.risk(delta_context=0.2)),
        "δ_w = 0.1": claiming(wrong.risk(delta_signal=0.1)),
    },
}

SPECIFIC["expressivity-failures"] = {
    "three of four are right": claiming(lambda: 0.75),
    "all are right": claiming(lambda: 1.0),
}
SPECIFIC["expressivity-prompt-with-noise"] = {
    "δ = (0, 0) alone": argument("delta", 1e-9),
    "no noise in the scores": mixture(noise_kind="prompt-orthogonal"),
    "√2 σ for σ": mixture(noise=1.5 * 2**0.5),
    "m + R for m": ALL_TOKENS_NOISY,
}
SPECIFIC["expressivity-least-error"] = {
    "δ = (0, 0) alone": argument("delta", (0.0, 0.0)),
    "no noise in the scores": mixture(noise_kind="prompt-orthogonal"),
    "√2 σ for σ": mixture(noise=2**0.5),
    "m + R for m": ALL_TOKENS_NOISY,
}
SPECIFIC["expressivity-trained-above-least"] = {
    "trained models err more often than in one half": claiming(lambda **_: 0.75),
    "trained models err as often as not even a coin": claiming(lambda **_: 0.9),
    "trained models err always": claiming(lambda **_: 1.0),
}
SPECIFIC["expressivity-trained"] = {
    "prompt-attention errs more": turned_round,
    "the others err always, prompt-attention never": argument("gap", 1.0),
    "a gap of 0.75": argument("gap", 0.75),
}
SPECIFIC |= DESCENT | NOISY_RELEVANT | REAL_DATA
UNSEEN: dict[str, dict[str, Change]] = {
    "averaging-fluctuating-attention": {
        "d for p": ONE_DIMENSION_MORE,
        "d - 2 for p": ONE_DIMENSION_LESS,
        "the proportional limit": argument("regime", "proportional"),
        "training does not fluctuate": claiming(wrong.one_training_length),
    },
    "weighted-averaging-fluctuating-attention": {
        "d for p": ONE_DIMENSION_MORE,
        "d - 2 for p": ONE_DIMENSION_LESS,
    },
    "averaging-linear-attention": {
        **SIZES,
        "training does not fluctuate": claiming(wrong.one_training_length),
    },
    "least-squares-proportional": {"d for p": ONE_DIMENSION_MORE},
    "ridge-proportional": {"averaging's limit": head(kind="averaging", ridge=None)},
    "ridge-linear-attention-proportional": {
        "2λ for λ": head(ridge=0.2),
        "λ/2 for λ": head(ridge=0.05),
        "averaging's limit": head(kind="averaging", ridge=None),
    },
    "logistic-proportional": {
        "2λ for λ": head(ridge=0.2),
        "λ/2 for λ": head(ridge=0.05),
        "averaging's limit": head(kind="averaging", ridge=None),
    },
    "exact-risk": {"‖w‖ for ν": claiming(wrong.risk(whole_head_is_noise=True))},
}
"""Wrong theories that move a prediction by less than a default check finds: what the checks do not exclude."""


UNSEEN |= UNSEEN_DESCENT


def _table() -> Iterable[WrongTheory]:
    """Yield 5 % either way for every equality, and what is specific to a claim."""
    for claim in CLAIMS:
        generic = {"5 % too large": times(1.05), "5 % too small": times(0.95)} if claim.kind == "equality" else {}
        for name, change in {**generic, **SPECIFIC[claim.id]}.items():
            yield WrongTheory(claim.id, name, change)


WRONG_THEORIES = tuple(_table())
UNSEEN_THEORIES = tuple(WrongTheory(claim, *entry) for claim, table in UNSEEN.items() for entry in table.items())
