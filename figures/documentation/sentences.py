"""Sentences of claims and derivations as Markdown: their signs are no markup, indices are lowered, powers raised."""

from __future__ import annotations

import re

BASE = r"([α-ωΑ-Ω²³')]|(?<![A-Za-z])[^\W\d_])"
"""What may have an index: a letter that no word ends with."""

INDEX = re.compile(rf"{BASE}\\_(?:\\{{([^{{}}\\]+)\\}}|([A-Za-z0-9]+|⊥)(?![A-Za-z0-9]|\\_))")
POWER = re.compile(r"\^(?:\\\{((?:[^{}\\]|\\[_*|])*)\\\}|(\w))")


def plain(text: str) -> str:
    r"""Return a sentence of which Markdown takes no sign for its own.

    Example:
        >>> print(plain("w_q < |n - p|"))
        w\_q \< \|n - p\|
    """
    return re.sub(r"([\\`*_\[\]<>|$#{}])", r"\\\1", text)


def typeset(text: str) -> str:
    r"""Return a sentence with the indices and powers of its formulas where print has them.

    Example:
        >>> print(typeset("E A = ∫ c e^{-ct} ψ(t)^m dt, -δ_q q⋆, noise_kind"))
        E A = ∫ c e<sup>-ct</sup> ψ(t)<sup>m</sup> dt, -δ<sub>q</sub> q⋆, noise\_kind
    """
    lowered = INDEX.sub(lambda match: f"{match[1]}<sub>{match[2] or match[3]}</sub>", plain(text))
    return POWER.sub(lambda match: f"<sup>{match[1] or match[2]}</sup>", lowered)
