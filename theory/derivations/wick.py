"""Means of polynomials and exponentials of jointly Gaussian variables: Wick's (Isserlis') theorem, tilted.

For g ~ N(0, C) Wick's theorem reduces the mean of a product by pairing its first factor with each of the others,

    E[g_i g_j g_k …] = C_ij E[g_k …] + C_ik E[g_j …] + …,

and a factor e^{gᵀBg/2 + bᵀg} only changes the law (Cameron & Martin 1944): with C' = (I - C B)⁻¹ C,

    E[P(g) e^{gᵀBg/2 + bᵀg}] = det(I - C B)^{-1/2} e^{bᵀC'b/2} E[P(C'b + g')],   g' ~ N(0, C').

SymPy's own `stats.E` integrates over densities; for two variables of symbolic covariance it did not return within a
minute, hence these few lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from sympy import Add, Expr, Matrix, Mul, Poly, Rational, S, Symbol, exp, expand, eye, factor, sqrt

Covariance = Mapping[tuple[Symbol, Symbol], Expr]
"""Covariances of pairs, in either order; pairs that are left out are independent."""


def wick_moment(powers: Sequence[int], covariance: Matrix) -> Expr:
    """Return E[g_1^{k_1} g_2^{k_2} …] for g ~ N(0, C).

    Args:
        powers: k, one exponent ≥ 0 for each variable.
        covariance: C, a square matrix of as many rows.

    Example:
        >>> from sympy import symbols
        >>> a, b, c = symbols("a b c")
        >>> wick_moment((2, 2), Matrix([[a, c], [c, b]]))
        a*b + 2*c**2
    """

    @cache
    def moment(left: tuple[int, ...]) -> Expr:
        if sum(left) % 2:
            return S.Zero
        first = next((place for place, power in enumerate(left) if power), None)
        if first is None:
            return S.One
        rest = [power - (place == first) for place, power in enumerate(left)]
        pairs = []
        for partner, power in enumerate(rest):
            if power and covariance[first, partner] != 0:
                others = tuple(p - (place == partner) for place, p in enumerate(rest))
                pairs.append(power * covariance[first, partner] * moment(others))
        return Add(*pairs)

    return expand(moment(tuple(powers)))


def gaussian_mean(expression: Expr, covariance: Covariance) -> Expr:
    """Return the mean of a polynomial in Gaussian variables of mean 0, times exponentials of quadratic ones, exactly.

    Args:
        expression: a sum of such products; other symbols in it are constants.
        covariance: of the variables, which are the symbols that it names.

    Raises:
        ValueError: the expression is of another form.

    Example:
        >>> from sympy import symbols
        >>> g, s = symbols("g s")
        >>> gaussian_mean(g**4, {(g, g): s**2}), gaussian_mean(g * exp(s * g), {(g, g): 1})
        (3*s**4, s*exp(s**2/2))
    """
    variables = sorted({symbol for pair in covariance for symbol in pair}, key=str)
    matrix = Matrix(
        len(variables),
        len(variables),
        lambda i, j: covariance.get((variables[i], variables[j]), covariance.get((variables[j], variables[i]), S.Zero)),
    )
    by_exponent: dict[Expr, list[Expr]] = {}
    for term in Add.make_args(expand(expression)):
        exponent, rest = S.Zero, S.One
        for part in Mul.make_args(term):
            if isinstance(part, exp) and part.free_symbols & set(variables):
                exponent += part.exp
            else:
                rest *= part
        by_exponent.setdefault(expand(exponent), []).append(rest)
    return Add(*(_tilted(Add(*terms), exponent, variables, matrix) for exponent, terms in by_exponent.items()))


def _polynomial(expression: Expr, variables: Sequence[Symbol]) -> Poly:
    """Return the polynomial in the variables, or refuse."""
    if not expression.is_polynomial(*variables):
        raise ValueError(f"must be a polynomial in {', '.join(map(str, variables))}, got {expression}")
    return Poly(expression, *variables)


def _tilted(polynomial: Expr, exponent: Expr, variables: Sequence[Symbol], covariance: Matrix) -> Expr:
    """Return E[P e^{exponent}]."""
    quadratic = _polynomial(exponent, variables)
    if quadratic.total_degree() > 2:
        raise ValueError(f"an exponent must be at most quadratic, got {exponent}")
    constant, linear, square = S.Zero, Matrix([0] * len(variables)), Matrix.zeros(len(variables))
    for powers, coefficient in quadratic.terms():
        places = [place for place, power in enumerate(powers) for _ in range(power)]
        if len(places) == 2:
            square[places[0], places[1]] += coefficient
            square[places[1], places[0]] += coefficient
        elif len(places) == 1:
            linear[places[0]] += coefficient
        else:
            constant += coefficient
    narrowed = S.One
    if any(square):
        narrowing = eye(len(variables)) - covariance * square
        narrowed = 1 / sqrt(narrowing.det().factor())
        covariance = (narrowing.inv() * covariance).applyfunc(lambda entry: entry.factor())
    shift = covariance * linear
    moved = _polynomial(
        polynomial.subs({variable: variable + move for variable, move in zip(variables, shift, strict=True)}),
        variables,
    )
    mean = Add(*(coefficient * wick_moment(powers, covariance) for powers, coefficient in moved.terms()))
    return narrowed * exp(factor(constant + Rational(1, 2) * linear.dot(shift))) * mean
