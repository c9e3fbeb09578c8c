"""What `python -m numerics verify` writes, made up: dozens of checks, every verdict, nulls, text that means harm."""

from __future__ import annotations

import base64
import json
import math

import numpy as np
from scipy.special import stdtr

HOSTILE = """<script>document.title = "taken"</script> & "double", 'single' <b>bold</b> &amp; {{ 7 * 7 }} {% raw %}"""

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAAAAAC4HznGAAAAEElEQVR4nGNsYGBgYmBgAAADmACEBmiz0AAAAABJRU5ErkJggg=="
)
"""Three pixels by two."""

CLAIMS = [
    {
        "id": "averaging-known-prompt",
        "title": "Averaging with a known prompt",
        "statement": "With a known prompt and prompt-orthogonal noise, the averaging head errs with probability "
        "P(χ'²_p(κ²(√n+1)²/2) < χ'²_p(κ²(√n-1)²/2)), p = d - 1, for every n.",
        "latex": r"\mathrm{ERR} = P\left(\chi'^2_p\!\left(\tfrac{\kappa^2(\sqrt{n}+1)^2}{2}\right) < "
        r"\chi'^2_p\!\left(\tfrac{\kappa^2(\sqrt{n}-1)^2}{2}\right)\right), \quad p = d - 1",
        "source": "derived here; makes precise the abstract's claim of exact finite-sample performance",
        "kind": "equality",
    },
    {
        "id": "least-squares-known-prompt",
        "title": "Least squares with a known prompt",
        "statement": "The least-squares head (minimum norm for n ≤ p) errs with probability E P(xᵀy < 0), the means of "
        "x and y at an angle θ, cos²θ ~ Beta((|n-p|+1)/2, (min(n,p)-1)/2).",
        "latex": r"\mathrm{ERR} = \mathbb{E}_\theta\,\mathbb{P}(x^\top y < 0), \quad \cos^2\theta \sim "
        r"\mathrm{Beta}\left(\tfrac{|n-p|+1}{2}, \tfrac{\min(n,p)-1}{2}\right)",
        "source": "derived here",
        "kind": "equality",
    },
    {
        "id": "ridge-proportional",
        "title": "Ridge regression in the proportional regime",
        "statement": "As n, p → ∞ at fixed p/n, the error of ridge regression tends to E Q(κ c), c from its fixed "
        "point.",
        "latex": r"\mathrm{ERR} \to \mathbb{E}\operatorname{Q}(\kappa c), \quad "
        r"V\left(\lambda + \mathbb{E}\left[\frac{S^2}{1 + V S^2}\right]\right) = \gamma",
        "source": "derived here",
        "kind": "equality",
    },
    {
        "id": "no-head-beats-the-limit",
        "title": "No head beats the limit",
        "statement": "Whatever is learned from n examples, its error is at least that of the weighted averaging head.",
        "latex": r"\mathrm{ERR}(\hat{w}) \ge \mathrm{ERR}\left(\textstyle\sum_i \tfrac{M_i}{S_i^2}\,y_i h_i\right)",
        "source": "derived here",
        "kind": "inequality",
    },
    {
        "id": "rate-of-the-limit",
        "title": "The limit is approached as 1/n",
        "statement": "The error at n differs from its proportional limit by a/n and terms of higher order.",
        "latex": r"\log|\mathrm{ERR}_n - \mathrm{ERR}_\infty| = -\log n + O(1)",
        "source": "derived here",
        "kind": "rate",
    },
    {
        "id": "collapse-to-kappa",
        "title": "Only κ matters",
        "statement": "Mixtures that differ in everything but κ have the same error at the same n and p.",
        "latex": r"\mathrm{ERR}(T, R, Q, W, \sigma, \tau; n, p) = \mathrm{ERR}(\kappa; n, p), "
        r"\quad \kappa = \frac{M W}{S}, \quad w_\star \perp q_\star",
        "source": "derived here",
        "kind": "collapse",
    },
    {
        "id": "not-checked",
        "title": "A claim that this run leaves out",
        "statement": "Nothing of it was simulated.",
        "latex": r"1 = 1",
        "source": "derived here",
        "kind": "equality",
    },
    {
        "id": f'hostile"{HOSTILE}',
        "title": f"Hostile {HOSTILE}",
        "statement": HOSTILE,
        "latex": r"a < b \;\text{<script>document.title = 'taken'</script> & x} > \hat{w}",
        "source": HOSTILE,
        "kind": "equality",
    },
]

SETTINGS = [(samples, simulator) for samples in (10, 20, 42) for simulator in ("tokens", "scores", "overlap")]
RELATIVE_ERROR = {"tokens": 0.0021, "scores": 0.0018, "overlap": 0.0004}
FALSE_ALARM = 1e-6 / 48


def check(claim, setting, predicted, simulated, standard_error, **others):
    """Return one check with all that follows from its numbers."""
    deviation = 0.0 if standard_error == 0 else (simulated - predicted) / standard_error
    detectable = 9.3 * standard_error / abs(predicted) if predicted else None
    log10_e = (deviation**2 / 2 - 18) / math.log(10) if abs(deviation) > 3 else -0.3 * abs(deviation)
    verdict = "refuted" if log10_e >= -math.log10(FALSE_ALARM) else "holds" if (detectable or 0) < 0.03 else "undecided"
    return {
        "id": claim,
        "setting": setting,
        "predicted": predicted,
        "relation": "=",
        "allowance": 0.0,
        "simulated": simulated,
        "standard_error": standard_error,
        "interval": [simulated - 1.96 * standard_error, simulated + 1.96 * standard_error],
        "confidence": 0.95,
        "p_value": float(2 * stdtr(2999, -abs(deviation))),
        "log10_e": log10_e,
        "verdict": verdict,
        "detectable": detectable,
        "false_alarm": FALSE_ALARM,
        "observations": 60_000,
        "dropped": 0,
        "seconds": 1.25,
        "parameters": {"mixture": {"dimension": 21, "noise_kind": "isotropic"}, "head": {"samples": 20}, "seed": 0},
        **others,
    }


def grid(rng, claim, errors):
    """Return a claim's checks at every training size with every simulator."""
    checks = []
    for samples, simulator in SETTINGS:
        predicted = errors[samples]
        standard_error = RELATIVE_ERROR[simulator] * predicted
        simulated = predicted + standard_error * rng.standard_normal()
        checks.append(check(claim, f"n = {samples}, {simulator}", predicted, simulated, standard_error))
    return checks


def example():
    """Return the content of a verification.json."""
    rng = np.random.default_rng(3)
    checks = grid(rng, "averaging-known-prompt", {10: 0.218431, 20: 0.171902, 42: 0.127734})
    checks += grid(rng, "least-squares-known-prompt", {10: 0.301177, 20: 0.457812, 42: 0.190443})
    # One prediction is wrong by 2.5 %, and one simulation too coarse.
    checks[12] = check("least-squares-known-prompt", "n = 20, tokens", 0.457812, 0.469257, 0.00096)
    checks[10] = check("least-squares-known-prompt", "n = 10, scores", 0.301177, 0.3089, 0.0041)
    for samples, predicted in ((20, 0.3214576), (80, 0.3017), (320, 0.2881)):
        simulated = predicted + 0.0006 * rng.standard_normal()
        checks.append(
            check("ridge-proportional", f"n = {samples}, scores", predicted, simulated, 0.0006, allowance=0.0004)
        )
    for place, head in enumerate(("averaging", "least-squares", "ridge", "logistic", "max-margin")):
        above = check("no-head-beats-the-limit", head, 0.287, 0.287 + 0.004 * (place + 1), 0.0007, relation=">=")
        checks.append({**above, "verdict": "holds", "log10_e": -2.1, "dropped": 17 if head == "max-margin" else 0})
    checks.append(check("rate-of-the-limit", "least squares, n = 40, 80, 160", -1.0, -0.9921, 0.0031))
    for place in range(12):
        difference = 2e-4 * rng.standard_normal()
        flat = check("collapse-to-kappa", f"mixture {place + 1} beside the first", 0.0, difference, 2e-4)
        checks.append({**flat, "scale": 0.21, "detectable": 9.3 * 2e-4 / 0.21})
    hostile = CLAIMS[-1]["id"]
    checks.append(check(hostile, HOSTILE, 3e-7, 3.1e-7, 1e-9, parameters={HOSTILE: [HOSTILE, None, {"deep": [1, 2]}]}))
    checks[-1] |= {"verdict": "holds", "log10_e": -0.1}
    nothing = check(hostile, "nothing simulated", 0.25, 0.25, 0.0, observations=0)
    absent = dict.fromkeys(("simulated", "standard_error", "p_value", "log10_e", "detectable", "seconds"))
    checks.append({**nothing, **absent, "interval": [None, None], "verdict": "undecided"})
    return {
        "run": {
            "seed": 0,
            "effort": "default",
            "false_alarm_rate": 1e-06,
            "seconds": 123.4,
            "started": "2026-11-25T03:00:00+00:00",
            "versions": {"toolkit": "0.1.0", "python": "3.11.7", "numpy": "2.4.6", "scipy": f"1.17.1 {HOSTILE}"},
            "machine": f"Linux x86_64, 2 cores {HOSTILE}",
            "computed": 54,
            "taken": 3,
        },
        "claims": CLAIMS,
        "checks": checks,
    }


def write_example(results, content=None):
    """Write a verification.json into a results folder."""
    results.mkdir(parents=True, exist_ok=True)
    text = json.dumps(example() if content is None else content, allow_nan=False)
    (results / "verification.json").write_text(text, encoding="utf-8")
