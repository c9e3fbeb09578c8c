"""The symbols of the derivations: what each means, and in which range it lies."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sympy import Rational, Symbol


@dataclass(frozen=True)
class Parameter:
    """A symbol of the theory.

    Attributes:
        symbol: with the assumptions that its range allows.
        meaning: in words.
        least: below it no value is admitted.
        most: above it none is; None for no limit.
        whole: whether it counts something.
        latex: its notation where the name does not say it.
    """

    symbol: Symbol
    meaning: str
    least: Fraction | None
    most: Fraction | None = None
    whole: bool = False
    latex: str = ""

    def admits(self, value: Fraction) -> bool:
        """Tell whether a number lies in the range: the ends are admitted of whole numbers alone."""
        if self.whole:
            return value.denominator == 1 and value >= (self.least or 0)
        return (self.least is None or value > self.least) and (self.most is None or value < self.most)

    @property
    def range(self) -> str:
        """The range in words, to be read after "keep x"."""
        if self.whole:
            return f"a whole number of at least {self.least}"
        ends = [f"greater than {self.least}"] * (self.least is not None) + [f"less than {self.most}"] * (
            self.most is not None
        )
        return " and ".join(ends) or "a real number"

    def point(self, index: int, place: int) -> Rational:
        """Return the rational number at which the `place`-th symbol of an expression is put to the test.

        Different multipliers of one prime give sequences without a simple relation between two symbols.
        """
        share = Rational((index + 1) * (17 * place + 11) % 1009 + 1, 1011)
        if self.whole:
            return Rational(int(self.least or 0)) + (index * (2 * place + 3)) % 41 + place % 3
        low = Rational(-2) if self.least is None else Rational(self.least.numerator, self.least.denominator)
        high = low + 4 if self.most is None else Rational(self.most.numerator, self.most.denominator)
        return low + (high - low) * share


PARAMETERS: dict[Symbol, Parameter] = {}
"""Every symbol that a definition or a result of the derivations depends on."""


def _positive(
    name: str, meaning: str, most: int | None = None, whole: bool = False, least: int = 0, latex: str = ""
) -> Symbol:
    symbol = Symbol(name, positive=True)
    limit = None if most is None else Fraction(most)
    PARAMETERS[symbol] = Parameter(symbol, meaning, Fraction(least), limit, whole, latex)
    return symbol


def _real(name: str, meaning: str, least: int | None = None, most: int | None = None, latex: str = "") -> Symbol:
    symbol = Symbol(name, real=True)
    low, high = (None if end is None else Fraction(end) for end in (least, most))
    PARAMETERS[symbol] = Parameter(symbol, meaning, low, high, latex=latex)
    return symbol


Q = _positive("Q", "norm of q⋆")
W = _positive("W", "norm of w⋆")
sigma = _positive("sigma", "standard deviation of a noise coordinate")
relevant_noise = _positive("sigma_r", "σ_r, the same of a relevant token that is noisy, too")
tau = _positive("tau", "inverse temperature of the prompt τ q⋆")
T = _positive("T", "tokens in a sequence", whole=True, least=2)
R = _positive("R", "relevant tokens in a sequence", whole=True, least=1)
m = _positive("m", "irrelevant tokens in a sequence", whole=True, least=1)
zeta = _positive("zeta", "share R/T of relevant tokens", most=1)
delta_q = _real("delta_q", "context of an irrelevant token is -δ_q q⋆", least=-1)
delta_w = _real("delta_w", "signal of an irrelevant token is -δ_w w⋆")
rho = _real("rho", "cosine of the angle between q⋆ and w⋆", least=-1, most=1)
n = _positive("n", "training examples", whole=True, least=1)
p = _positive("p", "dimension that the head lives in", whole=True, least=1)
gamma = _positive("gamma", "p/n, or d/n, in the proportional regime")
kappa = _positive("kappa", "signal-to-noise ratio of a feature")
ridge = _positive("lambda", "penalty of the ridge head")
head_length = _real("c", "length of the head in units of w⋆, w = c w⋆")
head_context = _real("qw", "q⋆ᵀw", latex=r"\langle q_\star, w\rangle")
head_signal = _real("sw", "w⋆ᵀw", latex=r"\langle w_\star, w\rangle")
head_noise = _positive("ww", "wᵀΣw", latex=r"\langle w, \Sigma w\rangle")
test_context = _real("qv", "q⋆ᵀv", latex=r"\langle q_\star, v\rangle")
test_signal = _real("sv", "w⋆ᵀv", latex=r"\langle w_\star, v\rangle")
test_noise = _real("vw", "vᵀΣw", latex=r"\langle v, \Sigma w\rangle")
mean_signal = _positive("M_1", "E M, mean gain of the signal in a feature")
noise_square = _positive("S_2", "E S², mean square of a feature's noise")
snr_square = _positive("k", "E κ², mean squared signal-to-noise ratio of a feature")
z = _real("z", "argument of a generating function", least=-1, most=1)
largest_delta = _positive("C", "largest δ_w")
margin = _positive("mu", "margin that y f keeps", most=1)
prompt_length = _real("t", "length of the prompt in units of 1/‖q_⊥‖")
prompt_context = _real("qq", "q⋆ᵀq", latex=r"\langle q_\star, q\rangle")
prompt_signal = _real("sq", "w⋆ᵀq", latex=r"\langle w_\star, q\rangle")
Delta = _positive("Delta", "size of δ = (Δ, Δ) or (Δ, -Δ)")
score = _real("u", "(1+Δ) rᵀKr, score of a relevant token above that of another")
odds = _positive("o", "ζ/(1-ζ)")
head_token = _real("wr", "wᵀr", latex=r"\langle w, r\rangle")
a = _positive("a", "|n - p| + 1")
b = _positive("b", "min(n, p) - 1")
power = _positive("s", "half the power of the cosine")
gain = _positive("M", "gain of the signal in a feature")
spread = _positive("S", "standard deviation of a feature's noise")
others_signal = _positive("P", "sum of a_i M_i over the other examples")
others_noise = _positive("N", "sum of a_i² S_i² over the other examples")
level = _positive("l", "a level, such as Q/σ, that a standard normal number is compared with")
along = _real(
    "D_w",
    "Dᵀw, by which a relevant token exceeds a noiseless irrelevant one along the head",
    latex=r"\langle D, w\rangle",
)
epsilon = _positive("epsilon", "1 - cos² that is asked for", most=1)
kappa_0_square = _positive("kappa_0", "κ₀², squared signal-to-noise ratio of the mean token")
power_of_feature = _positive("G", "G = W² E M² + E S²")
whole_odds = _positive("j", "ζ/(1-ζ), where it is a whole number", whole=True, least=2)
weight = _positive("x", "e^u, weight of a relevant token relative to another")
cosine_1 = _real("c_1", "cosine between averaging direction and w⋆", least=-1, most=1)
cosine_2 = _real("c_2", "cosine between averaging direction and head", least=-1, most=1)
between = _real("v", "cosine u between what is orthogonal to the averaging direction", least=-1, most=1, latex="u")
prompt_mean = _real("alpha", "mean of qᵀx over its standard deviation, x an irrelevant token")
head_mean = _real("beta", "mean of wᵀx over its standard deviation, x an irrelevant token")
correlation = _real("r", "correlation of qᵀx and wᵀx, x an irrelevant token", least=-1, most=1)


def _mean(name: str, what: str, latex: str) -> Symbol:
    return _positive(name, f"E {what}", most=1, latex=rf"\mathbb{{E}}{latex}")


share_mean = _mean("EA", "A, expected attention on the relevant tokens", "[A]")
share_square = _mean("EAA", "A²", "[A^2]")
share_rest = _mean("EAR", "A(1-A)", "[A(1-A)]")
share_square_rest = _mean("EAAR", "A²(1-A)", "[A^2(1-A)]")
pair = _mean("EP", "P₂, chance that attention draws one irrelevant token twice", "[P_2]")
share_pair = _mean("EAP", "A P₂", "[A P_2]")
share_square_pair = _mean("EAAP", "A² P₂", "[A^2 P_2]")
triple = _mean("EP3", "P₃, chance that attention draws one irrelevant token three times", "[P_3]")
pair_square = _mean("EPP", "P₂²", "[P_2^2]")
score_spread = _positive("s_q", "σ‖Σq‖, standard deviation of a score under the prompt q")
along_gap = _real(
    "D_v", "Dᵀv, by which a relevant token exceeds a noiseless irrelevant one", latex=r"\langle D, v\rangle"
)
along_irrelevant = _real("b_v", "mean of an irrelevant token along v")
along_prompt = _real("n_v", "cosine of v and Σq", latex=r"\langle \hat n, v\rangle")
noise_along = _positive("v_v", "vᵀΣv", latex=r"\langle v, \Sigma v\rangle")
prompt_norm = _positive("t_q", "length of the prompt", latex=r"\|q\|")
score_mean = _real("EN", "E N, mean noise of a feature along the prompt", latex=r"\mathbb{E}[N]")
share_score = _real("EAN", "E A N", latex=r"\mathbb{E}[A N]")
score_square = _positive("ENN", "E N²", latex=r"\mathbb{E}[N^2]")
relevant_pair = _mean("ER2", "R₂, chance that attention draws one relevant token twice", "[R_2]")
noise_pair = _positive("EV2", "E V₂, mean variance of a feature across the prompt", latex=r"\mathbb{E}[V_2]")
share_noise_pair = _positive("EAV2", "E A V₂", latex=r"\mathbb{E}[A V_2]")
noise_pair_square = _positive("EV2V2", "E V₂²", latex=r"\mathbb{E}[V_2^2]")
noise_triple = _positive("EV3", "E V₃", latex=r"\mathbb{E}[V_3]")
signal_slope = _real("M_slope", "dE M/dτ", latex=r"\mathbb{E}[M]'")
power_slope = _real("G_slope", "dG/dτ", latex="G'")
split = _positive("k_n", "4n₊n₋/n for n₊ and n₋ training labels of either sign, n(1-ȳ²)", latex="k")
mean_label = _real("y_n", "mean ȳ of the training labels", least=-1, most=1, latex=r"\bar{y}")
head_cosine = _real(
    "C_w", "cosine C between w⋆ and the part of the head orthogonal to the prompt", least=-1, most=1, latex="C"
)
reciprocal = _positive("X_w", "√k/(S‖w‖), w the part of the head orthogonal to the prompt", latex="X")
effective_ridge = _positive("V", "V of the scalar problem: a margin moves by V S² times its force")
head_along = _real("w_1", "component of the head along w⋆")
head_across = _positive("w_p", "length of the rest of the head", latex=r"w_\perp")
margin_of_example = _real("u_m", "margin u of an example", latex="u")
bending = _positive("q_m", "q = V S²", latex="q")
pull = _positive("EMf", "E M f", latex=r"\mathbb{E}[Mf]")
bent = _positive("ESb", "a = E S²b, b = ℓ''/(1+qℓ'')", latex="a")
force = _positive("ESf", "E S²f²", latex=r"\mathbb{E}[S^2f^2]")
least_margin = _positive("r_m", "margin r that all examples keep, 1/‖w‖", latex="r")
overlap = _real("c_w", "overlap of head and w⋆", least=-1, most=1)
