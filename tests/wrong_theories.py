"""Wrong theories over every claim of the catalogue: each must be refuted, or the claim is checked in name only.

A change leaves label and experiments alone wherever the prediction alone is wrong: one simulation serves them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from numerics.verification import Arm, Setting
from numerics.verification.catalogue import CLAIMS
from numerics.verification.experiments import trained_head_error
from numerics.verification.known_prompt_claims import predict_error
from numerics.verification.trial import expect
from tests import wrong_formulas as wrong
from theory import ContextualMixture, Head
from theory.arguments import single

Change = Callable[[Setting], Setting]


@dataclass(frozen=True)
class WrongTheory:
    """A claim of the catalogue with a wrong theory in place of the true one.

    Attributes:
        claim: id of the claim.
        name: what is wrong.
        change: makes a setting of the claim one of the wrong theory.
    """

    claim: str
    name: str
    change: Change

    def applied(self, setting: Setting) -> Setting:
        """Return a setting of the claim as the wrong theory makes it, planned for as small a deviation as the true one.

        Deviations stay relative to the true scale: a prediction near 0 would call for endless simulation.
        """
        return replace(self.change(setting), scale=lambda **_: true_expectation(self.claim, setting.label)[1])

    def deviation(self, setting: Setting) -> float:
        """Return how far what is simulated is from what the wrong theory admits, as a share of the true scale."""
        changed = self.change(setting)
        predicted, (true, scale) = expect(changed)[0], true_expectation(self.claim, setting.label)
        kind = CLAIM[self.claim].kind
        if kind == "equality" or kind == "rate":
            return abs(predicted - true) / scale
        difference = (predicted - _mean_of(changed.arms)) / scale
        return difference if kind == "inequality" else abs(difference)


CLAIM = {claim.id: claim for claim in CLAIMS}


@cache
def true_expectation(claim: str, label: str) -> tuple[float, float]:
    """Return the prediction and the scale of the catalogue's own setting."""
    (setting,) = (setting for setting in CLAIM[claim].settings if setting.label == label)
    return expect(setting)


def _mean_of(arms: tuple[Arm, ...]) -> float:
    """Return what the theory expects of trained heads that are compared; a head without exact error has its limit."""
    parameters = [arm.experiment.parameters for arm in arms]
    errors = [predict_error(each["mixture"], each["head"], "auto") for each in parameters]
    return sum(arm.weight * error for arm, error in zip(arms, errors, strict=True))


# --- changes ---


def claiming(predict: Callable[..., float]) -> Change:
    """Return the change to another prediction from the same arguments."""
    return lambda setting: replace(setting, predict=predict)


def times(factor: float) -> Change:
    """Return the change to a multiple of the prediction."""
    return lambda setting: replace(setting, predict=lambda **known: factor * setting.predict(**known))


def _with(name: str, changes: dict[str, Any]) -> Change:
    """Return the change of fields of an argument; a function of the old argument gives a field's new value."""

    def change(setting: Setting) -> Setting:
        old = setting.arguments[name]
        new = {field: value(old) if callable(value) else value for field, value in changes.items()}
        return replace(setting, arguments={**setting.arguments, name: replace(old, **new)})

    return change


def mixture(**changes: Any) -> Change:
    """Return the change to the prediction for another mixture."""
    return _with("mixture", changes)


def head(**changes: Any) -> Change:
    """Return the change to the prediction for another head."""
    return _with("head", changes)


def argument(name: str, value: Any) -> Change:
    """Return the change of a number that the prediction is made for."""
    return lambda setting: replace(setting, arguments={**setting.arguments, name: value})


def turned_round(setting: Setting) -> Setting:
    """Return the setting with the inequality turned round: the same experiments, their weights negated."""
    return replace(setting, arms=tuple(replace(arm, weight=-arm.weight) for arm in setting.arms))


def by_a_margin(share: float) -> Change:
    """Return the claim that every head errs more than the best by a share of the best error."""
    return claiming(lambda **known: share * predict_error(**known))


def compared_with(**changes: float | Callable[[ContextualMixture], float]) -> Change:
    """Return the change of the mixture in the second arm; the first arm keeps its simulation."""

    def change(setting: Setting) -> Setting:
        first, second = setting.arms
        parameters = first.experiment.parameters
        old: ContextualMixture = parameters["mixture"]
        other = replace(old, **{name: new(old) if callable(new) else new for name, new in changes.items()})
        experiment = trained_head_error(other, parameters["head"], parameters["simulator"])
        return replace(setting, arms=(first, Arm(experiment, second.weight)))

    return change


def best_of_fewer_samples(setting: Setting) -> Setting:
    """Return the claim that no head of n samples beats the best one of n/4."""
    head_arm, best_arm = setting.arms
    parameters = best_arm.experiment.parameters
    best: Head = parameters["head"]
    fewer = replace(best, samples=int(single(best.samples)) // 4)
    experiment = trained_head_error(parameters["mixture"], fewer, parameters["simulator"])
    return replace(setting, arms=(head_arm, Arm(experiment, best_arm.weight)))


# --- the table ---

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


def _table() -> Iterable[WrongTheory]:
    """Yield 5 % either way for every equality, and what is specific to a claim."""
    for claim in CLAIMS:
        generic = {"5 % too large": times(1.05), "5 % too small": times(0.95)} if claim.kind == "equality" else {}
        for name, change in {**generic, **SPECIFIC[claim.id]}.items():
            yield WrongTheory(claim.id, name, change)


WRONG_THEORIES = tuple(_table())
UNSEEN_THEORIES = tuple(WrongTheory(claim, *entry) for claim, table in UNSEEN.items() for entry in table.items())
