"""Expected attention on the relevant tokens under any prompt.

A prompt q enters attention through qᵀq⋆, qᵀw⋆ and the deviation s of the scores of noise: given the label y the score
of a relevant token exceeds that of a noiseless irrelevant one by (1+δ_q) qᵀq⋆ + y (1+δ_w) qᵀw⋆, and s = σ‖q‖, or for
prompt-orthogonal noise σ times the length of the part of q that is orthogonal to q⋆.  Source: derived here.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from theory.arguments import ArgumentError, as_numbers, single
from theory.attention.moments import LARGEST_SPREAD, softmax_moments
from theory.mixture import ContextualMixture


def prompt_share(mixture: ContextualMixture, prompt: npt.ArrayLike) -> float:
    """Return E A under a prompt q.

    Args:
        mixture: the data, its parameters single numbers.
        prompt: q, shape (k,) with 2 ≤ k ≤ d, its first two coordinates along q⋆ and along w⋆; others may be left out
            where they are 0, or joined to one.

    Raises:
        ArgumentError: the prompt is no such vector, or the scores spread by more than 5.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2)
        >>> print(f"{prompt_share(mixture, [1.0, 0.0]):.6f} {prompt_share(mixture, [0.8, 0.0, 0.6]):.6f}")
        0.204112 0.173976
    """
    vector = as_numbers("prompt", prompt)
    if vector.ndim != 1 or len(vector) < 2 or not np.isfinite(vector).all():
        raise ArgumentError("prompt", "be a vector of at least two finite coordinates", f"shape {vector.shape}")
    noisy = vector if mixture.noise_kind == "isotropic" else vector[1:]
    spread = single(mixture.noise) * float(np.linalg.norm(noisy))
    along = (1 + single(mixture.delta_context)) * single(mixture.context_norm) * float(vector[0])
    across = (1 + single(mixture.delta_signal)) * single(mixture.signal_norm) * float(vector[1])
    constant, terms = math.log(single(mixture.relevant_tokens)), int(single(mixture.irrelevant_tokens))
    if spread > LARGEST_SPREAD:
        raise ArgumentError("prompt", f"keep the spread of the scores at most {LARGEST_SPREAD:g}", f"{spread:.3g}")
    logits = [constant + along + label * across for label in (-1.0, 1.0)]
    if terms == 0 or spread == 0:
        return sum(float(expit(logit - math.log(terms))) if terms else 1.0 for logit in logits) / 2
    return sum(softmax_moments(logit, terms, spread)[0] for logit in logits) / 2
