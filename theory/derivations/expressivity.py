"""What the models can tell apart on data without noise: factors that are odd in the label, and the prompt that wins."""

from __future__ import annotations

from sympy import Expr, exp, log, sqrt, symbols

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.operators import LabelMean, Root
from theory.derivations.symbols import (
    delta_q,
    delta_w,
    head_context,
    head_signal,
    largest_delta,
    margin,
    prompt_context,
    prompt_length,
    prompt_signal,
    zeta,
)
from theory.derivations.symbols import (
    odds as o,
)

y = symbols("y", real=True)
Delta = symbols("Delta", positive=True)
share = symbols("A", positive=True)
WITHOUT_NOISE = "σ = 0 on the irrelevant tokens; the part of f that is odd in y is E[y f(X)] over y = ±1"


def _tokens(context: Expr, signal: Expr) -> tuple[Expr, Expr]:
    """Return the products of a relevant and an irrelevant token with a vector."""
    return context + y * signal, -delta_q * context - delta_w * y * signal


HEAD = _tokens(head_context, head_signal)
PROMPT = _tokens(prompt_context, prompt_signal)


def pooling_factor() -> Derivation:
    """Return the odd part of uniform pooling."""
    result = (zeta - (1 - zeta) * delta_w) * head_signal
    chain = Chain(LabelMean(y * (zeta * HEAD[0] + (1 - zeta) * HEAD[1]), y)).to(
        result, "The mean over the label", "Parts even in y cancel."
    )
    return derivation(
        "uniform-pooling-factor",
        "What uniform pooling says of the label",
        "The odd part is in proportion to ζ - (1-ζ)δ_w.",
        r"\mathbb{E}[y f(X)]",
        chain,
        result,
        assumptions=(WITHOUT_NOISE, "f(X) = wᵀXᵀ1/T"),
        counterpart="theory.population_gradients",
    )


def pooling_delta() -> Derivation:
    """Return δ_w at which pooling fails."""
    result = zeta / (1 - zeta)
    chain = Chain(Root(pooling_factor().result / head_signal, delta_w)).to(
        result, "Where the odd part vanishes", "It is linear in δ_w."
    )
    return derivation(
        "uniform-pooling-delta",
        "Where uniform pooling fails",
        "At this δ_w the accuracy of every head on the mean token is 1/2.",
        r"\delta_w",
        chain,
        result,
        assumptions=(WITHOUT_NOISE,),
        counterpart="theory.separation",
    )


def linear_factor() -> Derivation:
    """Return the odd part of linear attention."""
    mixed = prompt_context * head_signal + prompt_signal * head_context
    result = (zeta + (1 - zeta) * delta_q * delta_w) * mixed
    f = zeta * HEAD[0] * PROMPT[0] + (1 - zeta) * HEAD[1] * PROMPT[1]
    chain = Chain(LabelMean(y * f, y)).to(result, "The mean over the label", "Parts even in y cancel.")
    return derivation(
        "linear-attention-factor",
        "What linear attention says of the label",
        "The odd part is in proportion to ζ + (1-ζ)δ_qδ_w, whatever head and prompt are.",
        r"\mathbb{E}[y f(X)]",
        chain,
        result,
        assumptions=(WITHOUT_NOISE, "f(X) = wᵀXᵀXq/T"),
        counterpart="theory.linear_attention_accuracy",
    )


def linear_delta() -> Derivation:
    """Return Δ at which linear attention fails."""
    factor = (zeta + (1 - zeta) * delta_q * delta_w).subs({delta_q: Delta, delta_w: -Delta})
    result = sqrt(zeta / (1 - zeta))
    chain = Chain(Root(factor, Delta)).to(
        result, "Where the factor vanishes", "The factor of linear-attention-factor at δ = (Δ, -Δ) falls with Δ > 0."
    )
    return derivation(
        "linear-attention-delta",
        "Where linear attention fails",
        "At δ = (Δ, -Δ) with this Δ the accuracy of every prompt and head is 1/2.",
        r"\Delta",
        chain,
        result,
        assumptions=(WITHOUT_NOISE,),
        counterpart="theory.separation",
    )


def winning_prompt() -> Derivation:
    """Return the length of the prompt that gives a margin."""
    ratio = zeta / (1 - zeta) * exp(prompt_length * (1 + delta_q))
    weight = zeta * exp(prompt_length)
    other = (1 - zeta) * exp(-prompt_length * delta_q)
    attention = weight / (weight + other)
    result = log((largest_delta + margin) * (1 - zeta) / ((1 - margin) * zeta)) / (1 + delta_q)
    chain = (
        Chain(Root(attention - largest_delta * (1 - attention) - margin, prompt_length))
        .to(
            Root(ratio / (1 + ratio) * (1 + largest_delta) - largest_delta - margin, prompt_length),
            "Odds",
            "y f = A - C(1 - A) with A/(1-A) = ζ/(1-ζ) e^{t(1+δ_q)}: scores t and -δ_q t.",
        )
        .to(
            Root((1 - margin) * ratio - largest_delta - margin, prompt_length),
            "Without a fraction",
            "Times 1 + A/(1-A), which is positive: ζ = o/(1+o).",
            given={zeta: o / (1 + o)},
        )
        .to(result, "Solved", "The odds grow with t.")
    )
    return derivation(
        "prompt-attention-margin",
        "The prompt that wins",
        "From this length on prompt-attention keeps the margin μ for every δ_w ≤ C: it errs never.",
        r"t",
        chain,
        result,
        assumptions=(
            "no noise; q = t q_⊥/‖q_⊥‖² and w = w_⊥/‖w_⊥‖² with the parts of q⋆ and w⋆ orthogonal to the other",
            "0 ≤ μ < 1, C + μ > 0",
        ),
        counterpart="theory.winning_prompt",
    )
