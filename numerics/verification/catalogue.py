"""All claims that `numerics verify` checks.  A new one is one more entry of the list of its subject."""

from __future__ import annotations

from numerics.verification.descent_claims import DESCENT_CLAIMS
from numerics.verification.expressivity_claims import EXPRESSIVITY_CLAIMS
from numerics.verification.full_head_claims import FULL_HEAD_CLAIMS
from numerics.verification.known_prompt_claims import KNOWN_PROMPT_CLAIMS
from numerics.verification.noisy_relevant_claims import NOISY_RELEVANT_CLAIMS
from numerics.verification.real_data_claims import REAL_DATA_CLAIMS

CLAIMS = (
    *KNOWN_PROMPT_CLAIMS,
    *FULL_HEAD_CLAIMS,
    *DESCENT_CLAIMS,
    *NOISY_RELEVANT_CLAIMS,
    *EXPRESSIVITY_CLAIMS,
    *REAL_DATA_CLAIMS,
)
"""In the order in which they are checked and shown."""
