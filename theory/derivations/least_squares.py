"""The angle between the least-squares head and the averaging direction: moments of a Beta law."""

from __future__ import annotations

from sympy import Expr, Integral, Rational, S, Symbol, exp, oo, sqrt, symbols
from sympy import gamma as Gamma

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.symbols import a, b, between, cosine_1, cosine_2, n, p, power

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


def two_angles() -> Derivation:
    """Return cos∠(ŵ, w⋆)."""
    along, first, second, both = symbols("mm em mf ef", real=True)
    result = cosine_1 * cosine_2 + sqrt(1 - cosine_1**2) * sqrt(1 - cosine_2**2) * between
    sine_1, sine_2 = symbols("s_1 s_2", positive=True)
    chain = (
        Chain(
            cosine_1 * cosine_2 * along
            + cosine_1 * sine_2 * second
            + sine_1 * cosine_2 * first
            + sine_1 * sine_2 * both
        )
        .to(
            cosine_1 * cosine_2 + sine_1 * sine_2 * between,
            "Orthogonal parts",
            "w⋆ = c₁ m + s₁ e and ŵ = c₂ m + s₂ f, up to lengths, the averaging direction m orthogonal to e and f.",
            given={along: S.One, first: S.Zero, second: S.Zero, both: between},
        )
        .to(
            result,
            "Lengths",
            "Sines from cosines.",
            given={sine_1: sqrt(1 - cosine_1**2), sine_2: sqrt(1 - cosine_2**2)},
        )
    )
    return derivation(
        "overlap-of-two-angles",
        "Overlap of the least-squares head with w⋆",
        "It is c₁c₂ + s₁s₂u; u is of mean 0, so that the expected overlap is that of averaging times E c₂.",
        r"\cos\angle(\hat{w}, w_\star)",
        chain,
        result,
        assumptions=(
            "c₁ is the cosine between averaging direction and w⋆, c₂ that between averaging direction and head",
            "u = eᵀf, the cosine between the parts orthogonal to the averaging direction",
        ),
        counterpart="theory.least_squares_overlap",
    )
