"""Wrong theories of three steps where relevant tokens are noisy."""

from __future__ import annotations

from typing import Any

from tests.wrong_changes import Change, argument, claiming
from theory import three_steps


def still(relevant_noise: float, quantity: str, **known: Any) -> float:
    """Return the number as if relevant tokens did not vary."""
    del relevant_noise
    return float(getattr(three_steps(**known, labels="balanced"), quantity))


NOISY_RELEVANT: dict[str, dict[str, Change]] = {
    "descent-noisy-relevant-tokens": {
        "relevant tokens are still": claiming(still),
        "σ for σ_r": argument("relevant_noise", 0.9),
        "σ_r² for σ_r": argument("relevant_noise", 1.69),
        "2n for n": argument("samples", 120),
        "no prompt": argument("prompt_norm", 0.01),
    },
}
