"""The law of an attention feature where attention does not fluctuate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from theory.arguments import FloatArray, NotAvailableError, Numbers, broadcast, one_of, real
from theory.head import ATTENTIONS
from theory.mixture import ContextualMixture


@dataclass(frozen=True)
class DeterministicAttention:
    """Constants of y h = B q̂ + M w⋆ + S ξ with ξ standard normal, for a known prompt q = τ q⋆ (derived here).

    Attributes (arrays of one common shape):
        relevant_share: A, attention on the relevant tokens together, between 0 and 1.
        signal: M W, with M = A - δ_w (1 - A); it may be negative.
        noise: S ≥ 0, standard deviation of a coordinate of h orthogonal to w⋆.
        context: y-independent coordinate B = Q (A - δ_q (1 - A)) along q̂ (h holds B, so y h holds y B).
        kappa: κ = |M| W / S, signal-to-noise ratio of the feature; infinite without noise, 0 without signal.
        kappa_error: bound on the relative rounding error of κ; large where A and δ_w (1 - A) nearly cancel.
        noisy_context: whether the coordinate along q̂ carries noise of the same standard deviation S as the others.
    """

    relevant_share: FloatArray
    signal: FloatArray
    noise: FloatArray
    context: FloatArray
    kappa: FloatArray
    kappa_error: FloatArray
    noisy_context: bool


def attention_fluctuates(mixture: ContextualMixture, inverse_temperature: Numbers) -> npt.NDArray[np.bool_]:
    """Return where attention differs between sequences: isotropic noise, and a prompt that lets it into the scores."""
    temperature, noise, irrelevant = broadcast(
        inverse_temperature=real("inverse_temperature", inverse_temperature, least=0),
        noise=np.asarray(mixture.noise),
        irrelevant_tokens=mixture.irrelevant_tokens,
    )
    return np.asarray((temperature > 0) & (noise > 0) & (irrelevant > 0) & (mixture.noise_kind == "isotropic"))


def deterministic_attention(
    mixture: ContextualMixture, inverse_temperature: Numbers, attention: str = "softmax"
) -> DeterministicAttention:
    """Return A, M W, S, B and κ for a prompt τ q⋆ under which all irrelevant tokens get the same attention.

    Softmax: with c = R e^{τQ²} and L = e^{-δ_q τQ²} on each of the m irrelevant tokens, A = c/(c + mL) and
    S = σ √m L/(c + mL).  Linear: with weights 1/T and -δ_q/T, up to the scale τQ², M = (R + m δ_q δ_w)/T,
    S = σ √m |δ_q|/T and B = Q (R + m δ_q²)/T; A is R/T there, and nothing is left at τ = 0.
    Valid for prompt-orthogonal noise at any τ, for isotropic noise at τ = 0, and wherever there is no noise at all.
    Source: derived here.

    Args:
        mixture: the data.
        inverse_temperature: τ ≥ 0, a number or an array that broadcasts against the mixture's parameters.
        attention: "softmax" or "linear".

    Raises:
        ArgumentError: an argument is out of range.
        NotAvailableError: attention fluctuates from sequence to sequence (isotropic noise with τ > 0).

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2, noise_kind="prompt-orthogonal")
        >>> law = deterministic_attention(mixture, 2.0)
        >>> print(f"A = {float(law.relevant_share):.4f}, kappa = {float(law.kappa):.4f}")
        A = 0.5135, kappa = 3.9496
    """
    one_of("attention", attention, ATTENTIONS)
    if attention_fluctuates(mixture, inverse_temperature).any():
        raise NotAvailableError(
            "attention fluctuates from sequence to sequence under isotropic noise with an inverse temperature above 0; "
            "its constants exist for prompt-orthogonal noise and for inverse temperature 0"
        )
    temperature, tokens, relevant, context, signal, noise, delta_context, delta_signal = broadcast(
        inverse_temperature=real("inverse_temperature", inverse_temperature, least=0),
        tokens=np.asarray(mixture.tokens),
        relevant_tokens=np.asarray(mixture.relevant_tokens),
        context_norm=np.asarray(mixture.context_norm),
        signal_norm=np.asarray(mixture.signal_norm),
        noise=np.asarray(mixture.noise),
        delta_context=np.asarray(mixture.delta_context),
        delta_signal=np.asarray(mixture.delta_signal),
    )
    irrelevant = tokens - relevant
    if attention == "softmax":
        with np.errstate(divide="ignore"):
            logit = (1 + delta_context) * temperature * context**2 + np.log(relevant) - np.log(irrelevant)
        share, rest = expit(logit), expit(-logit)
    else:
        # The scale τQ² of the weights is of no account.
        logit = np.zeros_like(temperature)
        share, rest = (temperature > 0) * relevant / tokens, (temperature > 0) * -delta_context * irrelevant / tokens
    gain = (share - delta_signal * rest) * signal
    spread = noise * np.abs(rest) / np.sqrt(np.maximum(irrelevant, 1))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        kappa = np.where(gain == 0, 0.0, np.abs(gain) / spread)
    along = context * (share - delta_context * rest)
    with np.errstate(divide="ignore", invalid="ignore"):
        cancelling = (share + np.abs(delta_signal * rest)) / np.abs(share - delta_signal * rest)
    steps = (
        8 + 2 * np.abs(np.where(np.isfinite(logit), logit, 0.0)) + np.where(np.isfinite(cancelling), cancelling, 1.0)
    )
    rounding = np.where(kappa > 0, np.finfo(np.float64).eps * steps, 0.0)
    noisy_context = mixture.noise_kind == "isotropic" and attention == "softmax"
    return DeterministicAttention(share, gain, spread, along, kappa, rounding, noisy_context)
