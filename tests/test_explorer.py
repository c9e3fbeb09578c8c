"""What the explorer computes and writes, without a browser."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, replace
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import ndtr, softmax

import theory.__main__
from figures.explorer import attention_histogram as histogram_module
from figures.explorer import error_curves
from figures.explorer import shown as shown_module
from figures.explorer.attention_histogram import attention_histogram, histogram_evaluated
from figures.explorer.context_gain import context_gain
from figures.explorer.curve_point import curve_point
from figures.explorer.error_curves import DRAFT_ERROR, LIMIT, drafted_curves, exact_tasks, law_evaluated
from figures.explorer.knobs import KNOBS
from figures.explorer.logarithmic_axis import error_reach, gain_reach, reach, ticks
from figures.explorer.picture import picture
from figures.explorer.readout import sentence, texts
from figures.explorer.recipe import error_command, python_text, simulate_command
from figures.explorer.sampled_sequence import sampled_sequence
from figures.explorer.saved_data import COLUMNS, data_csv
from figures.explorer.setting import FORMAT, Setting, setting_from_file, setting_from_query
from figures.explorer.shown import Shown, any_samples, drafted, finer
from numerics import simulate
from theory import (
    attention_moments,
    context_benefit,
    known_prompt_error,
    population_error,
)
from theory.arguments import ArgumentError, NotAvailableError
from theory.attention.law import lognormal_sums
from theory.attention.moments import attention_snr_square
from theory.risk.lognormal_sum import LognormalSum, probabilities_below_zero, probability_below_zero

MOVED = Setting(
    tokens=33,
    relevant_tokens=5,
    dimension=47,
    context_norm=0.7,
    signal_norm=1.3,
    noise=0.85,
    delta_context=-0.15,
    delta_signal=0.05,
    noise_kind="prompt-orthogonal",
    samples=123,
    inverse_temperature=0.35,
    kind="ridge",
    ridge=0.02,
    attention="linear",
    space="full",
    simulator="tokens",
    repetitions=30,
    seed=9,
    sequence=4,
)


# --- settings ---


def test_every_field_has_a_knob_that_admits_its_start_and_every_position():
    assert set(KNOBS) == set(asdict(Setting()))
    for knob in KNOBS.values():
        assert list(knob.positions) == sorted(set(knob.positions))
        assert all(knob.checked(position) == position for position in knob.positions)
        assert knob.field in ("repetitions", "seed", "sequence") or knob.choices or len(knob.positions) > 30


def test_a_setting_survives_its_link_and_its_file():
    assert all(getattr(MOVED, name) != value for name, value in asdict(Setting()).items())
    pairs = dict(pair.split("=") for pair in MOVED.query.split("&"))
    assert setting_from_query(pairs) == MOVED
    assert setting_from_file(MOVED.file) == MOVED
    assert Setting().query == ""


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("tokens", 0, "a whole number from 1 to 512"),
        ("tokens", 2.5, "a whole number"),
        ("tokens", True, "a whole number"),
        ("tokens", "16", "a whole number"),
        ("tokens", 10**30, "a whole number"),
        ("noise", float("nan"), "a number from 0"),
        ("noise", float("inf"), "a number from 0"),
        ("noise", None, "a number from 0"),
        ("noise", [1.0], "a number from 0"),
        ("kind", "perceptron", "one of averaging"),
        ("kind", 3, "one of averaging"),
        ("kind", "<script>" * 500, "one of averaging"),
    ],
)
def test_a_file_with_a_wrong_value_is_refused_by_the_name_of_its_field(field, value, wanted):
    with pytest.raises(ArgumentError) as caught:
        setting_from_file(json.dumps({**asdict(Setting()), "format": FORMAT, field: value}))
    assert caught.value.parameter == field
    assert wanted in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[]", "3", "{}", "[" * 9000, '{"format": "another"}', " " * 20_000, "\x80\x04K\x01."],
)
def test_what_is_no_saved_setting_is_refused(text):
    with pytest.raises(ArgumentError, match=r"^the file must"):
        setting_from_file(text)


def test_an_unknown_field_is_refused():
    with pytest.raises(ArgumentError, match="'__class__'"):
        setting_from_file(json.dumps({"format": FORMAT, "__class__": "os.system"}))
    with pytest.raises(ArgumentError, match="'bokeh'"):
        setting_from_query({"bokeh": "1"})


# --- what is drawn ---


@pytest.mark.parametrize(
    "kind", ["averaging", "weighted-averaging", "least-squares", "ridge", "max-margin", "logistic"]
)
@pytest.mark.parametrize("change", [{}, {"tokens": 512, "relevant_tokens": 1, "delta_signal": 0.1}])
def test_a_draft_is_near_the_proportional_regime(kind, change):
    setting = Setting(kind=kind, samples=90, ridge=0.05, inverse_temperature=0.2, **change)
    draft = drafted_curves(setting)
    prediction = known_prompt_error(setting.mixture, setting.head, regime="proportional")
    assert_allclose(draft.error, prediction.error, rtol=DRAFT_ERROR)
    limit = next(curve for curve in draft.curves if curve.head == LIMIT)
    assert_allclose(limit.error[np.isclose(limit.samples, 90)], prediction.limit, rtol=DRAFT_ERROR)
    assert draft.curves[-1].head == kind


def test_where_attention_does_not_fluctuate_the_draft_of_averaging_is_exact():
    setting = Setting(noise_kind="prompt-orthogonal", dimension=9, samples=5)
    limit, *_, averaging = drafted_curves(setting).curves
    prediction = known_prompt_error(setting.mixture, replace(setting.head, samples=averaging.samples))
    assert_allclose(averaging.error, prediction.error, rtol=1e-12)
    assert_allclose(limit.error, prediction.limit, rtol=1e-12)


def test_a_slow_curve_comes_in_pieces_and_is_complete_in_the_end():
    shown = drafted(Setting(kind="logistic", ridge=0.01))
    pieces = [len(shown.curves.curves[-1].samples)]
    while shown.coarse:
        shown = finer(shown)
        pieces.append(len(shown.curves.curves[-1].samples))
    assert pieces == sorted(pieces)
    assert pieces[-1] == 13
    assert_allclose(shown.curves.curves[-1].samples[[0, -1]], [10, 5000])
    assert len(shown.gain.temperature) > 20
    assert len(shown.histogram.probability) == 30


def test_a_first_answer_solves_each_point_once_and_what_stays_the_same_not_again(monkeypatch):
    """Points keep their n/p: of a curve that was drawn another dimension leaves all but the one at n to be solved."""
    solved, laws = [], []

    def counted(calls, function):
        return lambda *arguments: (calls.append(arguments), function(*arguments))[1]

    monkeypatch.setattr(error_curves, "head_overlap", counted(solved, error_curves.head_overlap))
    monkeypatch.setattr(error_curves, "attention_law", counted(laws, error_curves.attention_law))
    monkeypatch.setattr(error_curves, "AT_ONCE", np.inf)
    monkeypatch.setattr(shown_module, "PIECE", np.inf)
    wide = Setting(kind="logistic", ridge=0.37, samples=90, tokens=23, context_norm=2.15, inverse_temperature=0.6)

    def solver_calls(setting):
        solved.clear()
        shown = drafted(setting)
        return shown, sum(head.kind == "logistic" for _, head, *_ in solved)

    first, calls = solver_calls(wide)
    assert calls == len(first.curves.curves[-1].samples) == len(error_curves.SLOW_RATIOS) + 1
    assert first.curves.sketched
    assert "a draft follows" in texts(first, None)["note-error"]
    assert solver_calls(replace(wide, samples=91))[1] == 1
    assert solver_calls(replace(wide, dimension=102))[1] == 1
    assert solver_calls(replace(wide, sequence=2))[1] == 0
    assert [resolution for *_, resolution in laws] == ["sketch"]
    second = finer(first)
    assert [resolution for *_, resolution in laws] == ["sketch", "draft"]
    assert second.curves.complete
    # Of a sketch an error is uncertain by 1e-3.
    assert_allclose(first.curves.curves[-1].error, second.curves.curves[-1].error, atol=1e-3)


def test_what_was_evaluated_in_pieces_is_not_evaluated_again(monkeypatch):
    """A move waits for a piece at most: for four probabilities, or for one step of the law of attention."""
    setting, together = Setting(tokens=41, relevant_tokens=3, context_norm=1.47, inverse_temperature=0.9), []

    def counted(laws):
        together.append(len(laws))
        return probabilities_below_zero(laws)

    monkeypatch.setattr(histogram_module, "probabilities_below_zero", counted)
    for evaluated in (law_evaluated, histogram_evaluated):
        assert not evaluated(setting, 0.0)
        while not evaluated(setting, 0.005):
            pass
    steps, pieces = lognormal_sums.cache_info().misses, len(together)
    law, histogram = drafted_curves(setting), attention_histogram(setting)
    assert (lognormal_sums.cache_info().misses, len(together)) == (steps, pieces)
    assert law.complete
    assert max(together) == 4
    # One by one they are the same to the rounding of a sum.
    log_sums = np.log(3) + 0.9 * 1.47**2 + np.log(1 / histogram.edges - 1)
    laws = [LognormalSum(-np.exp(value), 38, setting.spread, 1.0, 0.0, 0.0) for value in log_sums]
    below = np.array([probability_below_zero(law).value for law in laws])
    assert_allclose(histogram.probability, below[:-1] - below[1:], atol=1e-13)


@pytest.mark.parametrize("change", [{}, {"tokens": 61, "noise": 1.7, "delta_context": -0.3}])
def test_drafts_of_the_gain_and_of_the_histogram_are_near_what_they_become(change):
    """Splines between a few exact values: 5 % of the gain, 1 % of the highest bin at such spreads."""
    setting = Setting(**change)
    gain, histogram = (make(setting) for make in (context_gain, attention_histogram))
    drafted_gain, drafted_histogram = (make(setting, draft=True) for make in (context_gain, attention_histogram))
    assert_allclose(drafted_gain.snr, gain.snr, rtol=0.05)
    seen = np.isfinite(drafted_gain.error)
    assert seen.sum() == 6
    assert np.array_equal(drafted_gain.error[seen], gain.error[seen])
    assert np.array_equal(drafted_histogram.edges, histogram.edges)
    highest = histogram.probability.max()
    assert_allclose(drafted_histogram.probability, histogram.probability, atol=0.01 * highest)


@pytest.mark.parametrize(
    "change", [{}, {"noise_kind": "prompt-orthogonal"}, {"kind": "averaging", "space": "orthogonal"}]
)
def test_a_point_of_the_final_curve_has_the_error_and_the_limit_of_the_prediction(change):
    small = {"tokens": 4, "relevant_tokens": 1, "dimension": 6, "kind": "least-squares", "space": "full", **change}
    setting = Setting(**small)
    for samples in (3, 9):
        head = replace(setting.head, samples=samples)
        point, prediction = curve_point(setting.mixture, head), known_prompt_error(setting.mixture, head)
        assert (point.error, point.limit) == (prediction.error, prediction.limit)


def test_the_exact_curve_begins_with_the_setting_and_has_every_size_once():
    for setting in (Setting(samples=77), Setting(samples=77, noise_kind="prompt-orthogonal"), Setting(dimension=2)):
        first, *rest = exact_tasks(setting)
        assert first.shape == ()
        assert first == setting.samples
        sizes = np.concatenate([[float(first)], *rest])
        assert len(set(sizes.tolist())) == len(sizes)
        assert sizes.max() >= 14 * setting.head_dimension
        assert sizes.min() >= 1


def test_beyond_the_law_of_attention_the_curves_say_why():
    shown = drafted(Setting(context_norm=3.0, inverse_temperature=2.0))
    assert "τσQ, of at most 3; here it is 6" in shown.refused["error"]
    assert shown.curves is None
    assert shown.sequence is not None


def test_the_histogram_of_a_single_irrelevant_token_is_a_normal_law():
    """P(A > a) = Φ(log(c (1/a - 1))/s) there, c = R e^{τQ²}: an elementary route, exact to rounding."""
    setting = Setting(tokens=3, relevant_tokens=2, context_norm=1.2, inverse_temperature=0.8)
    histogram = attention_histogram(setting)
    c, spread = 2 * np.exp(0.8 * 1.2**2), 0.8 * 1.2
    above = ndtr(np.log(c * (1 / histogram.edges - 1)) / spread)
    assert_allclose(histogram.probability, above[:-1] - above[1:], atol=1e-9)


@pytest.mark.parametrize("change", [{}, {"tokens": 128, "relevant_tokens": 4, "inverse_temperature": 0.9}])
def test_the_histogram_has_nearly_all_of_the_probability_and_the_exact_mean(change):
    histogram = attention_histogram(Setting(**change))
    middle, width = (histogram.edges[1:] + histogram.edges[:-1]) / 2, np.diff(histogram.edges)[0]
    assert 0.99 < histogram.probability.sum() <= 1 + 1e-9
    # A bin's mass may lie anywhere in it, and the tails that are left out some bins further.
    assert abs(histogram.probability @ middle - histogram.mean) < width / 2 + 0.01 * (1 - histogram.edges[0])


def test_the_gain_is_that_of_the_theory():
    setting = Setting(tokens=64, relevant_tokens=8, context_norm=1.7, inverse_temperature=0.4)
    gain, benefit = context_gain(setting), context_benefit(setting.mixture, 0.4)
    assert_allclose(gain.here, benefit.prompt, rtol=1e-12)
    assert_allclose(gain.linear, benefit.linear, rtol=1e-3)  # from a draft of the law
    place = 9
    temperature = float(gain.temperature[place])
    at_point = context_benefit(setting.mixture, temperature)
    assert_allclose(gain.snr[place], at_point.prompt, rtol=1e-12)
    assert_allclose(gain.many_tokens[place], at_point.prompt_many_tokens, rtol=1e-12)
    errors = [population_error(setting.mixture, each) for each in (0.0, temperature)]
    assert_allclose(gain.error[place], errors[0] / errors[1], rtol=1e-8)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"relevant_tokens": 16}, "every token is relevant"),
        ({"noise": 0.0}, "without noise"),
        ({"signal_norm": 0.0}, "no signal at all"),
        ({"tokens": 2, "relevant_tokens": 1, "delta_signal": 1.0}, "no signal at all"),
    ],
)
def test_where_there_is_no_gain_a_sentence_says_why(change, reason):
    with pytest.raises(NotAvailableError, match=reason):
        context_gain(Setting(**change))


def test_the_mean_of_kappa_square_alone_is_that_of_all_moments():
    for mixture in (Setting().mixture, MOVED.mixture, Setting(delta_signal=0.4, delta_context=0.3).mixture):
        for temperature in (0.0, 0.7, 2.0):
            moments = attention_moments(mixture, temperature)
            assert_allclose(attention_snr_square(mixture, temperature), moments.snr_square, rtol=1e-13)


def test_a_sequence_has_the_weights_of_its_scores_and_moves_with_the_sliders():
    setting = Setting(tokens=12, relevant_tokens=3, noise=0.5)
    sequence = sampled_sequence(setting)
    prompt = setting.inverse_temperature * setting.context_norm
    assert_allclose(sequence.weight, softmax(prompt * sequence.score), rtol=1e-12)
    assert_allclose(sequence.score[sequence.relevant], setting.context_norm)
    louder = sampled_sequence(replace(setting, noise=1.0))
    assert_allclose(louder.score[~louder.relevant], 2 * sequence.score[~sequence.relevant])
    assert not np.array_equal(sampled_sequence(replace(setting, sequence=2)).weight, sequence.weight)
    linear = sampled_sequence(replace(setting, attention="linear"))
    assert_allclose(linear.weight, prompt * sequence.score / 12, rtol=1e-12)


def test_numbers_that_do_not_go_together_are_refused_in_the_words_of_the_page():
    with pytest.raises(ArgumentError) as caught:
        drafted(Setting(relevant_tokens=17))
    assert sentence(caught.value) == "Relevant tokens R must be at most tokens = 16, got 17."


def test_axes_have_a_few_ticks_whatever_they_hold():
    for low, high in ((0.11, 0.5), (1e-9, 0.5), (3, 40_000), (0.2, 0.3), (1e-12, 1e12)):
        labels = ticks(low, high)
        assert 2 <= len(labels) <= 9
        assert all(low <= tick <= high for tick in labels)
    assert ticks(1e-6, 1.0)[1e-6] == "10⁻⁶"


# --- what is written ---


@pytest.mark.parametrize(
    "setting",
    [
        Setting(),
        replace(MOVED, attention="softmax", space="orthogonal"),
        Setting(kind="max-margin", samples=40, context_norm=1e-3),
        Setting(kind="least-squares", noise_kind="prompt-orthogonal", delta_context=-0.5, delta_signal=-0.25),
    ],
    ids=lambda setting: setting.kind,
)
def test_both_recipes_give_the_same_numbers(setting, capsys):
    setting = replace(setting, repetitions=3)
    prediction = known_prompt_error(setting.mixture, setting.head)
    python, flag, package, *arguments = error_command(setting).split()
    assert (python, flag, package) == ("python", "-m", "theory")
    assert theory.__main__.main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["error"] == prediction.error
    exec(python_text(setting), {})
    lines = capsys.readouterr().out.splitlines()
    assert float(lines[0].split()[0]) == prediction.error
    simulation = simulate(setting.mixture, setting.head, simulator=setting.simulator, repetitions=3, seed=setting.seed)
    assert float(lines[1].split()[0]) == simulation.error
    assert simulate_command(setting).endswith(f"--simulator {setting.simulator} --repetitions 3 --seed {setting.seed}")
    assert all(len(line) <= 300 for line in python_text(setting).splitlines())


def test_the_data_come_with_all_that_they_depend_on():
    shown = drafted(Setting(kind="ridge", seed=3))
    text = data_csv(shown)
    comments = [line for line in text.splitlines() if line.startswith("#")]
    (setting,) = (line.removeprefix("# setting: ") for line in comments if line.startswith("# setting"))
    assert Setting(**json.loads(setting)) == shown.setting
    assert "# seed: 3" in comments
    assert any(line.startswith("# versions: python 3.") and f"numpy {np.__version__}" in line for line in comments)
    assert f"# command: {error_command(shown.setting)}" in comments
    rows = list(csv.DictReader(line for line in io.StringIO(text) if not line.startswith("#")))
    assert tuple(rows[0]) == COLUMNS
    curve = shown.curves.curves[-1]
    mine = [row for row in rows if (row["panel"], row["series"]) == ("error", "ridge")]
    assert [float(row["y"]) for row in mine] == curve.error.tolist()
    tokens = [row for row in rows if row["panel"] == "sequence"]
    assert [row["series"] == "relevant" for row in tokens] == shown.sequence.relevant.tolist()
    assert {row["panel"] for row in rows} == {"error", "gain", "attention", "sequence"}


def test_the_picture_is_the_same_whenever_it_is_saved_and_says_what_is_missing():
    shown = drafted(Setting(attention="linear", kind="logistic"))
    svg = picture(shown, "svg")
    assert svg == picture(shown, "svg")
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert picture(shown, "png").startswith(b"\x89PNG")
    assert len(picture(Shown(Setting(relevant_tokens=17)), "svg")) > 1000


def test_points_belong_to_a_curve_whatever_their_n():
    assert any_samples(Setting(samples=3, seed=2, repetitions=7)) == any_samples(Setting())
    assert any_samples(Setting(noise=0.9)) != any_samples(Setting())


def test_an_axis_may_reach_the_largest_number():
    """A prompt may make errors e^-700 of what they were."""
    low, high = reach(np.array([1.0, 1e308]), 1e-9)
    assert low < 1 < 1e308 <= high < np.inf
    assert all(low <= tick <= high for tick in ticks(low, high))


def test_attention_that_is_all_on_one_kind_of_token_is_drawn_as_a_point():
    strong = Setting(
        tokens=12, relevant_tokens=9, context_norm=3.0, noise=0.1, delta_context=1.0, inverse_temperature=3.0
    )
    for draft in (True, False):
        histogram = attention_histogram(strong, draft=draft)
        assert_allclose(histogram.edges, 1, atol=1e-12)
        assert_allclose(histogram.probability.sum(), 1)


def test_every_setting_that_sliders_reach_is_drawn_or_refused_in_a_sentence():
    """Ends of the sliders as often as places between: there powers overflow, and laws shrink to points."""
    rng, drawn = np.random.default_rng(7), 0
    for _ in range(150):
        values = {}
        for name, knob in KNOBS.items():
            places = knob.choices or knob.positions
            if places:
                place = places[rng.choice([0, len(places) - 1, rng.integers(len(places))])]
                values[name] = int(place) if knob.whole else place
        try:
            shown = drafted(Setting(**values))
        except ArgumentError:
            continue
        drawn += 1
        low, high = error_reach(shown)
        assert 0 < low < high <= 1
        if shown.gain is not None:
            low, high = gain_reach(shown.gain)
            assert len(ticks(low, high)) >= 1
    assert drawn > 50
