"""The angle between the least-squares head and the averaging direction: moments of a Beta law."""

from __future__ import annotations

from sympy import Expr, Integral, Rational, S, Symbol, exp, oo
from sympy import gamma as Gamma

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.symbols import a, b, n, p, power

x = Symbol("x", positive=True)

ASSUMPTIONS = (
    "n features in p dimensions with isotropic normal noise, deterministic attention",
    "cos²θ = χ²_a/(χ²_a + χ²_b), independent of the sum, so that its moments are ratios of those of χ²_a and χ²_{a+b}",
    "θ is the angle between head and averaging direction; cos²θ ~ Beta(a/2, b/2), a = |n-p| + 1, b = min(n, p) - 1, "
    "for the Wishart matrix of the other directions is independent of the mean",
)


def moment() -> Derivation:
    """Return E cos^{2s} θ."""

    def chi_square_moment(freedom: Expr) -> Expr:
        density = x ** (freedom / 2 - 1) * exp(-x / 2) / (2 ** (freedom / 2) * Gamma(freedom / 2))
        return Integral(x**power * density, (x, 0, oo))

    result = Gamma(a / 2 + power) * Gamma((a + b) / 2) / (Gamma(a / 2) * Gamma((a + b) / 2 + power))
    chain = Chain(chi_square_moment(a) / chi_square_moment(a + b)).to(
        result, "Euler's integral", "E(χ²_a)^s = 2^s Γ(a/2+s)/Γ(a/2)."
    )
    return derivation(
        "beta-angle-moment",
        "Moments of the cosine between least squares and averaging",
        "All moments of the cosine of the angle between the head and the averaging direction, in either regime.",
        r"\mathbb{E}\cos^{2s}\theta",
        chain,
        result,
        assumptions=ASSUMPTIONS,
        counterpart="theory.known_prompt.beta_angle.log_expected_cosine",
    )


def _derived(name: str, title: str, exponent: Expr, larger: Symbol, smaller: Symbol) -> Derivation:
    """Return one moment in one of the regimes: n and p where n ≥ p, p and n where not."""
    regime = "n ≥ p" if larger is n else "n ≤ p"
    in_numbers: dict[Symbol, Expr] = {power: exponent, a: larger - smaller + 1, b: smaller - 1}
    first = exponent == 1
    chain = Chain(moment().result)
    if first:
        chain.to(a / (a + b), "The square", "s = 1: Γ(u+1) = uΓ(u).", given={power: exponent})
        del in_numbers[power]
    result = (larger - smaller + 1) / larger if first else moment().result.subs(in_numbers)
    chain.to(result, "In examples and dimensions", f"s = {exponent}, a and b for {regime}.", given=in_numbers)
    return derivation(
        name,
        title,
        "Least squares aligns with w⋆ less than averaging does; at n = p the mean square of the cosine is only 1/n.",
        r"\mathbb{E}\cos^2\theta" if first else r"\mathbb{E}\cos\theta",
        chain,
        result,
        assumptions=(*ASSUMPTIONS, f"{regime}, both at least 2"),
        counterpart="theory.known_prompt.beta_angle.log_expected_cosine",
    )


def least_squares_cosine() -> Derivation:
    """Return E cos θ for n ≥ p."""
    return _derived("least-squares-cosine", "Cosine between least squares and averaging", Rational(1, 2), n, p)


def minimum_norm_cosine() -> Derivation:
    """Return E cos θ for n ≤ p."""
    return _derived("minimum-norm-cosine", "Cosine between interpolation and averaging", Rational(1, 2), p, n)


def least_squares_cosine_square() -> Derivation:
    """Return E cos²θ for n ≥ p."""
    return _derived("least-squares-cosine-square", "Squared cosine between least squares and averaging", S.One, n, p)


def minimum_norm_cosine_square() -> Derivation:
    """Return E cos²θ for n ≤ p."""
    return _derived("minimum-norm-cosine-square", "Squared cosine between interpolation and averaging", S.One, p, n)
