"""Random numbers for the symbols of the derivations, the same in every run."""

from __future__ import annotations

import zlib

import numpy as np

from theory import ContextualMixture

RANGES = {
    "Q": (0.5, 2),
    "W": (0.5, 3),
    "sigma": (0.5, 1.5),
    "tau": (0, 0.5),
    "delta_q": (-0.5, 1),
    "delta_w": (-1, 1),
    "rho": (-0.95, 0.95),
    "kappa": (0.1, 3),
    "gamma": (0.05, 3),
    "lambda": (0.05, 5),
    "c": (-2, 2),
    "M_1": (0.1, 2),
    "S_2": (0.1, 2),
    "G": (0.5, 4),
    "k": (0.1, 5),
    "C": (0.1, 5),
    "mu": (0.05, 0.95),
    "Delta": (0.1, 6),
    "u": (-4, 4),
    "l": (0.1, 4),
    "epsilon": (0.02, 0.98),
    "D_w": (-2, 2),
    "alpha": (-3, 3),
    "beta": (-3, 3),
    "r": (-0.95, 0.95),
    **dict.fromkeys(("EA", "EAA", "EAR", "EAAR", "EP", "EAP", "EAAP", "EP3", "EPP"), (0.05, 0.95)),
    "V": (0.1, 5),
    "w_1": (-2, 2),
    "w_p": (0.1, 2),
    "u_m": (-4, 4),
    "q_m": (0.1, 5),
    **dict.fromkeys(("EMf", "ESb", "ESf"), (0.05, 1)),
    "r_m": (0, 2),
    "c_w": (-0.95, 0.95),
    "S": (0.3, 2),
    "M_slope": (-2, 2),
    "y_n": (-0.9, 0.9),
    "C_w": (-0.95, 0.95),
    "X_w": (0.2, 10),
    "G_slope": (-2, 2),
}


WHOLE = {"R": (1, 20), "m": (3, 100), "n": (2, 400), "p": (2, 200)}


DRAWN_LAST = {"sigma_r": (0.3, 1.5), "t_q": (0.1, 1.5)}
"""So that the numbers of all other symbols are those that they were before."""


WITHOUT_FUNCTION = ("a", "P", "N", "M", "x", "qw", "sw", "qq", "sq", "c_1", "c_2", "v")


ANY = {name: np.linspace(0.2, 0.7, 20) for name in WITHOUT_FUNCTION} | {"j": np.arange(2.0, 22.0)}
"""Numbers for symbols that only derivations without a numeric function have."""


def drawn(name, count):
    """Return random numbers for all symbols, the same in every run."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    numbers = {symbol: rng.uniform(*ends, count) for symbol, ends in RANGES.items()}
    numbers |= {symbol: rng.integers(*ends, count).astype(float) for symbol, ends in WHOLE.items()}
    numbers |= {symbol: rng.uniform(*ends, count) for symbol, ends in DRAWN_LAST.items()}
    numbers["T"] = numbers["R"] + numbers["m"]
    numbers["zeta"] = numbers["R"] / numbers["T"]
    return numbers


def mixture(x, **other):
    return ContextualMixture(
        **{
            "dimension": 50,
            "tokens": x["T"],
            "relevant_tokens": x["R"],
            "context_norm": x["Q"],
            "signal_norm": x["W"],
            "noise": x["sigma"],
            "delta_context": x["delta_q"],
            **other,
        }
    )


def rows(x):
    """Yield the numbers of each point."""
    for values in zip(*x.values(), strict=True):
        yield dict(zip(x, values, strict=True))


def each(function):
    """Return the function of arrays that computes one point at a time."""
    return lambda x: np.array([function(row) for row in rows(x)])
