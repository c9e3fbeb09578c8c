"""The solvers of the theory against plain alternatives; the exact risk besides over random models."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, ndtr

from numerics.benchmark.pairs import Entry, Side
from theory.attention.law import AttentionLaw, attention_law
from theory.head import Head
from theory.known_prompt.error import known_prompt_error
from theory.mixture import ContextualMixture
from theory.proportional import logistic_head, max_margin_head, ridge_head
from theory.risk.exact_risk import Delta, exact_risk
from theory.risk.trained_model import TrainedModel

RISK_MODELS = 200
RISK_RUNS = 7
MIXTURE = ContextualMixture(dimension=101, tokens=64, relevant_tokens=4)
RATIO = 0.5
CURVE = np.unique(np.round(np.geomspace(20, 4000, 100)))


@dataclass(frozen=True)
class Spread:
    """Seconds that one call takes over random cases."""

    name: str
    cases: int
    median_seconds: float
    largest_seconds: float


def iterated_ridge(law: AttentionLaw, ratio: float, ridge: float) -> float:
    """Return the overlap of the ridge head by plain damped iteration of V."""
    signal, square, weight = law.signal, law.noise**2, law.weight
    v = ratio / (ridge + weight @ square)
    while True:
        new = ratio / (ridge + weight @ (square / (1 + v * square)))
        if abs(new - v) <= 1e-12 * v:
            break
        v = (v + new) / 2
    mu, d = v / ratio, 1 + v * square
    along = mu * (weight @ (signal / d)) / (1 + mu * (weight @ (signal**2 / d)))
    shrink = ratio * mu**2 * (weight @ (square**2 / d**2))
    noise = ratio * mu**2 * (weight @ (square * (1 - signal * along) ** 2 / d**2))
    return float(along / math.hypot(along, math.sqrt((noise + shrink * along**2) / (1 - shrink))))


def iterated_logistic(law: AttentionLaw, ratio: float, ridge: float) -> float:
    """Return the overlap of the logistic head by damped iteration of its equations on one grid for all nodes."""
    z = np.linspace(-7, 7, 65)
    density = np.exp(-(z**2) / 2)
    density /= density.sum()
    noise, signal = law.noise[:, None], law.signal[:, None]
    v, along, across = 1.0, 0.1, 1.0
    for _ in range(5000):
        x = signal * along + noise * math.hypot(along, across) * z
        q, u = v * noise**2, x.copy()
        for _ in range(30):
            f = expit(-u)
            u = u - (u - x - q * f) / (1 + q * f * (1 - f))
        f = expit(-u)
        bent = f * (1 - f)
        effective = ridge + float(law.weight @ (noise**2 * bent / (1 + q * bent) @ density))
        new = (
            ratio / effective,
            float(law.weight @ (signal * f @ density)) / effective,
            math.sqrt(ratio * float(law.weight @ ((noise * f) ** 2 @ density))) / effective,
        )
        change = max(abs(a - b) for a, b in zip(new, (v, along, across), strict=True))
        v, along, across = ((a + b) / 2 for a, b in zip(new, (v, along, across), strict=True))
        if change < 1e-9:
            break
    return along / math.hypot(along, across)


def searched_margin(law: AttentionLaw, ratio: float) -> float:
    """Return the overlap of the max-margin head, the one with the widest margin, by SciPy's scalar search."""

    def margin(overlap: float) -> float:
        def excess(wide: float) -> float:
            x = (wide - law.signal * overlap) / law.noise
            square = (1 + x**2) * ndtr(x) + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
            return float(law.weight @ square - ratio * (1 - overlap**2))

        return float(brentq(excess, -100.0, 100.0))

    found = minimize_scalar(lambda overlap: -margin(overlap), bounds=(-1, 1), method="bounded", options={"xatol": 1e-9})
    return float(found.x)


def inverted_risk(model: TrainedModel, tokens: int, relevant: int) -> float:
    """Return the exact risk by adaptive quadrature of the inversion formula on the real axis."""
    g = np.linspace(-8.3, 8.3, 201)
    weight = np.exp(-(g**2) / 2) * (g[1] - g[0]) / math.sqrt(2 * math.pi)
    length = float(np.linalg.norm(model.prompt))
    along = float(model.head @ model.prompt) / length
    across = math.sqrt(max(float(model.head @ model.head) - along**2, 0.0))
    total, scale = 0.0, np.exp(length * g)
    for label in (-1.0, 1.0):
        inside = model.context + label * model.signal
        constant = relevant * math.exp(float(model.prompt @ inside)) * label * float(model.head @ inside)

        def integrand(u: float, constant: float = constant, label: float = label) -> float:
            exponent = 1j * u * scale * label * along * g - (u * across * scale) ** 2 / 2
            phi = complex(np.exp(exponent) @ weight) ** (tokens - relevant)
            return float((np.exp(1j * u * constant) * phi).imag) / u

        total += 0.5 - quad(integrand, 0, np.inf, epsabs=1e-10, limit=2000)[0] / math.pi
    return total / 2


def solver_entries() -> list[Entry]:
    """Return all comparisons of solvers, their laws made beforehand."""
    law = attention_law(MIXTURE, 1.0)
    vectors = {"context": [1, 0, 0, 0], "signal": [0, 1, 0, 0], "prompt": [1, 0, 0.3, 0], "head": [0.1, 1, 0, 0.7]}
    model = TrainedModel(**{name: np.array(values, dtype=float) for name, values in vectors.items()})
    curve = Head(CURVE, kind="ridge", ridge=0.1)
    return [
        Entry(
            "ridge error in the proportional regime",
            "damped iteration in NumPy",
            Side(lambda: ridge_head(law, RATIO, 0.1).overlap),
            Side(lambda: iterated_ridge(law, RATIO, 0.1)),
            1e-9,
            seconds=1e-3,
        ),
        Entry(
            "ridge curve of 100 points, with error bounds",
            "damped iteration in NumPy, point by point, without",
            Side(lambda: known_prompt_error(MIXTURE, curve).overlap),
            Side(lambda: [iterated_ridge(law, 100 / n, 0.1) for n in CURVE]),
            1e-9,
            seconds=20e-3,
        ),
        Entry(
            "logistic error in the proportional regime",
            "damped iteration in NumPy",
            Side(lambda: logistic_head(law, RATIO, 0.1).overlap),
            Side(lambda: iterated_logistic(law, RATIO, 0.1)),
            1e-6,
            seconds=50e-3,
        ),
        Entry(
            "max-margin error in the proportional regime",
            "minimize_scalar around brentq",
            Side(lambda: max_margin_head(law, RATIO).overlap),
            Side(lambda: searched_margin(law, RATIO)),
            1e-4,
            seconds=50e-3,
        ),
        Entry(
            "exact risk of a trained model, T = 64",
            "scipy.integrate.quad on the real axis",
            Side(lambda: exact_risk(model, tokens=64, relevant_tokens=4).error),
            Side(lambda: inverted_risk(model, 64, 4)),
            1e-7,
            seconds=2e-3,
        ),
    ]


def risk_spread() -> Spread:
    """Time the exact risk of random models of 64 tokens, vectors at any angle, one to three values of δ."""
    rng = np.random.default_rng(64)
    seconds = []
    for _ in range(RISK_MODELS):
        d = int(rng.integers(2, 51))
        context, signal, noise, other = rng.standard_normal((4, d)) / math.sqrt(d)
        sigma = float(rng.uniform(0.05, 3))
        prompt = rng.random() * context / np.linalg.norm(context) + rng.random() * noise
        prompt *= rng.uniform(0, 5) / sigma / np.linalg.norm(prompt)
        head = rng.random() * signal / np.linalg.norm(signal) + rng.random() * other
        model, relevant = TrainedModel(context, signal, prompt, head), 1 + int(63 * rng.random() ** 3)
        count = int(rng.integers(1, 4))
        deltas = [Delta(float(q), float(w), 1 / count) for q, w in rng.uniform(-1, 1, (count, 2))]
        times = []
        for _ in range(RISK_RUNS):
            start = time.perf_counter()
            exact_risk(model, tokens=64, relevant_tokens=relevant, noise=sigma, deltas=deltas)
            times.append(time.perf_counter() - start)
        seconds.append(min(times))
    return Spread("exact risk of random models, T = 64", RISK_MODELS, float(np.median(seconds)), max(seconds))
