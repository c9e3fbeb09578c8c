"""What the theory computes of steps where relevant tokens are noisy, too, by derivation."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from tests.descent_counterparts import geometry
from tests.random_parameters import drawn, rows
from theory.attention.two_kinds import TokenKind, two_kind_moments
from theory.descent.noisy_relevant_steps import NoisyRelevantPath
from theory.descent.step_path import LABELS

POINTS, SETTINGS = 1000, 50
"""Points, and among them mixtures and prompts: moments of attention are integrated, a few milliseconds each."""

LOGS, SCORES = np.arange(-60, 22, 0.1), np.arange(-9, 9, 0.1)
DENSITY = np.exp(-(SCORES**2) / 2) / np.sum(np.exp(-(SCORES**2) / 2))


def path(row):
    return NoisyRelevantPath(geometry(row), 50, 50, row["t_q"], True, relevant_noise=row["sigma_r"])


def directions(count):
    """Yield labels, vectors v of any length and w of length 1."""
    rng = np.random.default_rng(13)
    for _ in range(count):
        v, w = rng.standard_normal((2, 3))
        yield rng.integers(2), v, w / np.linalg.norm(w)


def step(laws, number):
    """Return a number of the law of a step, and put the products that it depends on among the others."""

    def value(x):
        found, products = [], []
        for row, (index, v, w) in zip(rows(x), directions(len(x["n"])), strict=True):
            here, label = path(row), LABELS[index]
            gap, outside = (label * of(label) for of in (here.geometry.gap, here.geometry.irrelevant_mean))
            found.append(number(laws(here, w)[index], v, label))
            products.append((gap @ v, gap @ w, outside @ v, v @ w, v @ v))
        x |= dict(zip(("D_v", "D_w", "b_v", "vw", "v_v"), np.transpose(products), strict=True))
        return np.array(found)

    return value


def mean_tokens(here, _):
    return here.mean_token_laws()


def prompt_gradients(here, w):
    return here.prompt_gradient_laws(w)


def mean(law, v, _):
    return law.mean @ v


def without_label(law, v, label):
    return label * law.mean @ v


def variance(law, v, _):
    return v @ law.covariance @ v


def kinds(here, offset, length):
    relevant, irrelevant = here.counts
    return [
        TokenKind(count, b, noise * length, noise)
        for count, b, noise in ((relevant, offset, here.relevant_noise), (irrelevant, 0.0, here.geometry.noise))
    ]


@cache
def features():
    """Return numbers for means and variances of features along random vectors, and both as the theory computes them."""
    rng, settings = np.random.default_rng(14), []
    for row in rows(drawn("noisy features", SETTINGS)):
        prompt, index = rng.normal(0, 0.5, 3), rng.integers(2)
        here, label, length = path(row), LABELS[index], float(np.linalg.norm(prompt))
        gap, outside = here.geometry.gap(label), here.geometry.irrelevant_mean(label)
        moments = two_kind_moments(*kinds(here, float(gap @ prompt), length))
        settings.append((here.feature_laws(prompt)[index], moments, label * np.array([gap, outside, prompt / length])))
    found = []
    for place, (_, v, _) in enumerate(directions(POINTS)):
        law, moments, vectors = settings[place % SETTINGS]
        names = ("share", "share_square", "score", "share_score", "score_square", "pair")
        means = [getattr(moments, name) for name in names]
        found.append([*(vectors @ v), v @ v, *means, law.mean @ v, v @ law.covariance @ v])
    names = ("D_v", "b_v", "n_v", "v_v", "EA", "EAA", "EN", "EAN", "ENN", "EV2", "mean", "variance")
    return dict(zip(names, np.transpose(found), strict=True))


class Powers:
    """Means of sums of powers of the attention on tokens of two kinds, by the same integrals in finer steps."""

    def __init__(self, tokens):
        self.counts, top = [kind.count for kind in tokens], max(k.offset + math.log(k.count) for k in tokens)
        self.u = np.exp(LOGS)
        self.psi = []
        for kind in tokens:
            weights = np.exp(kind.offset - top + kind.spread * SCORES)
            decay = np.exp(-np.multiply.outer(self.u, weights)) * DENSITY
            self.psi.append([decay @ weights**power for power in range(5)])

    def __call__(self, *powers):
        """Return the mean of Σ_t p_t^j over one kind, or of the product of two such sums, for pairs (kind, j)."""
        different = self._different(powers)
        if len(powers) == 2 and powers[0][0] == powers[1][0]:
            return different + self._different([(powers[0][0], powers[0][1] + powers[1][1])])
        return different

    def _different(self, powers):
        """Return the mean of the sum over different tokens."""
        left, integrand, order = list(self.counts), 1.0, sum(power for _, power in powers)
        for kind, power in powers:
            integrand = integrand * left[kind] * self.psi[kind][power]
            left[kind] -= 1
        for kind, count in enumerate(left):
            integrand = integrand * self.psi[kind][0] ** max(count, 0)
        return float(np.sum(integrand * self.u**order)) * 0.1 / math.gamma(order)


@cache
def moments_of_attention():
    """Return numbers for the moments of N, and these as the theory computes them: each setting in several units."""
    found = []
    for row in rows(drawn("noisy scores", SETTINGS)):
        here = path(row)
        tokens = kinds(here, float(here.geometry.gap(1.0)[0] * row["t_q"]), row["t_q"])
        moments, powers = two_kind_moments(*tokens), Powers(tokens)
        a, b = (kind.noise**2 for kind in tokens)
        r, i = 0, 1
        square = a**2 * powers((r, 2), (r, 2)) + 2 * a * b * powers((r, 2), (i, 2)) + b**2 * powers((i, 2), (i, 2))
        numbers = np.array(
            [
                *(row["t_q"], row["sigma_r"], row["sigma"]),
                *(powers((r, 1)), powers((r, 1), (r, 1)), powers((r, 2))),
                a * powers((r, 2)) + b * powers((i, 2)),
                a * powers((r, 1), (r, 2)) + b * powers((r, 1), (i, 2)),
                square,
                a**2 * powers((r, 3)) + b**2 * powers((i, 3)),
                *(moments.score, moments.share_score, moments.score_square),
            ]
        )
        units = np.array([-1, 1, 1, 0, 0, 0, 2, 2, 4, 4, 1, 1, 2])
        found += [numbers * unit**units for unit in np.linspace(0.5, 1.5, POINTS // SETTINGS)]
    names = ("t_q", "sigma_r", "sigma", "EA", "EAA", "ER2", "EV2", "EAV2", "EV2V2", "EV3")
    return dict(zip((*names, "score", "share_score", "score_square"), np.transpose(found), strict=True))


def integrated(source, which):
    def value(x):
        x |= {name: values[: len(x["n"])] for name, values in source().items()}
        return x[which]

    return value


NOISY_RELEVANT = {
    "noisy-mean-token": step(mean_tokens, mean),
    "noisy-mean-token-variance": step(mean_tokens, variance),
    "noisy-prompt-step": step(prompt_gradients, without_label),
    "noisy-prompt-step-variance": step(prompt_gradients, variance),
    "noisy-score": integrated(moments_of_attention, "score"),
    "noisy-share-score": integrated(moments_of_attention, "share_score"),
    "noisy-score-square": integrated(moments_of_attention, "score_square"),
    "noisy-feature-mean": integrated(features, "mean"),
    "noisy-feature-variance": integrated(features, "variance"),
}
