"""Digits among other patches: every sequence is what its arrangement says, and no image is in two parts of a split."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from numerics.real_data import images
from numerics.real_data.arrangements import ARRANGEMENTS, DIGITS, OTHER_DIGITS, SHARES, arrange, token_pools
from numerics.real_data.images import digit_pixels, normalised_patches, photograph_pixels
from numerics.real_data.measurements import measurement_sequences
from numerics.real_data.sequence_data import SequenceData
from numerics.real_data.sources import GivenSource, ImageSource
from numerics.real_data.whitening import REGULARISATION, Whitening
from theory.arguments import ArgumentError, NotAvailableError


def rng(*key):
    return np.random.default_rng(np.random.SeedSequence(41, spawn_key=key))


def as_set(tokens):
    """Return tokens as texts of bytes, to be compared exactly."""
    return {token.tobytes() for token in tokens.reshape(-1, tokens.shape[-1])}


def pixels_of(digits):
    pixels, shown = digit_pixels()
    return as_set(pixels[np.isin(shown, digits)])


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
@pytest.mark.parametrize(("tokens", "relevant"), [(4, 1), (7, 7), (16, 2), (64, 5)])
def test_relevant_tokens_are_digits_of_the_label_and_the_others_are_not(arrangement, tokens, relevant):
    data = arrange(token_pools(arrangement, rng=rng()), 40, tokens, relevant, rng=rng(1))
    assert data.tokens.shape == (40, tokens, 64)
    assert (data.relevance.sum(axis=1) == relevant).all()
    assert data.labels.sum() == 0
    for label, digits in DIGITS.items():
        assert as_set(data.tokens[data.labels == label][data.relevance[data.labels == label]]) <= pixels_of(digits)
    others = as_set(data.tokens[~data.relevance])
    assert not others & pixels_of([*DIGITS[1.0], *DIGITS[-1.0]])
    if arrangement == "fully-tiled":
        assert others <= pixels_of(OTHER_DIGITS)
    if arrangement == "embedded":
        assert others <= as_set(photograph_pixels())


def test_every_place_is_relevant_as_often():
    """A place counts 0.125 ± 0.0033 of 10,000 times; one place in 16 is 6 deviations off with probability 3e-8."""
    data = arrange(token_pools("fully-tiled", rng=rng()), 10_000, 16, 2, rng=rng(2))
    assert_allclose(data.relevance.mean(axis=0), 2 / 16, atol=6 * 0.0033)


def test_the_background_of_an_embedded_example_is_one_piece_of_a_photograph():
    pools = token_pools("embedded", rng=rng())
    data = arrange(pools, 20, 9, 1, rng=rng(3))
    place_of = {
        token.tobytes(): np.unravel_index(k, (120, 8, 8)) for k, token in enumerate(pools.scenes.reshape(-1, 64))
    }
    for tokens, relevance in zip(data.tokens, data.relevance, strict=True):
        places = np.array([place_of[token.tobytes()] for token in tokens[~relevance]])
        assert len(set(places[:, 0])) == 1
        steps = np.stack(np.divmod(np.flatnonzero(~relevance), 3), axis=1)
        assert (places[:, 1:] - steps == places[0, 1:] - steps[0]).all()


def test_a_photograph_is_cut_where_it_should_be():
    """One patch, cut by hand."""
    photograph = images.scikit_learn("datasets").load_sample_images().images[1]
    by_hand = photograph[64 + 16 : 64 + 24, 128 + 40 : 128 + 48].astype(float).mean(axis=2).ravel() / 255
    # Scene (1, 2) of 6 × 10 in the second photograph, patch (2, 5) of it.  Sums of three bytes: exact but for rounding.
    assert_allclose(photograph_pixels()[60 + 12, 2, 5], by_hand, rtol=1e-14)


def test_patches_are_rid_of_brightness_and_contrast():
    """One patch, by the formula with pixels from 0 to 255."""
    pixels = np.arange(64.0) ** 1.3 % 256
    by_hand = (pixels - pixels.mean()) / np.sqrt(pixels.var() + 10)
    assert_allclose(normalised_patches(pixels / 255), by_hand, rtol=1e-12, atol=1e-14)  # rounding


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_no_image_is_in_two_parts_of_a_split(arrangement):
    parts = token_pools(arrangement, rng=rng(4)).divided(SHARES, rng(11))
    for kind in ("relevant", "scenes"):
        images_of = [as_set(np.reshape(getattr(part, kind), (len(getattr(part, kind)), -1))) for part in parts]
        assert sum(map(len, images_of)) == len(set.union(*images_of))
    split = ImageSource(arrangement, 16, 4).pixels(100, rng(5))
    relevant = [as_set(part.tokens[part.relevance]) for part in (split.training, split.validation, split.test)]
    assert not relevant[0] & relevant[1]
    assert not relevant[0] & relevant[2]
    assert not relevant[1] & relevant[2]
    background = [as_set(part.tokens[~part.relevance]) for part in (split.training, split.test)]
    assert background[0] & background[1] <= {np.ones(64).tobytes()}  # an evenly white patch


def test_a_seed_makes_the_same_sequences_again():
    first, again = (ImageSource("embedded", 9, 2).split(10, rng(6)) for _ in range(2))
    other = ImageSource("embedded", 9, 2).split(10, rng(7))
    assert np.array_equal(first.test.tokens, again.test.tokens)
    assert not np.array_equal(first.test.tokens, other.test.tokens)


@pytest.mark.parametrize(
    ("tokens", "relevant", "name"),
    [(65, 2, "tokens"), (0, 1, "tokens"), (4, 5, "relevant_tokens"), (4, 0, "relevant_tokens")],
)
def test_sizes_out_of_range_are_refused(tokens, relevant, name):
    with pytest.raises(ArgumentError, match=f"^{name} must be a whole number of at least 1 and at most "):
        ImageSource("embedded", tokens, relevant).split(10, rng())


# --- sequences that somebody brought ---


def brought(groups):
    size = len(groups)
    labels = np.where(np.arange(size) % 3 == 0, 1.0, -1.0)
    return SequenceData(np.arange(size, dtype=float).reshape(size, 1, 1), labels, groups=groups)


def test_groups_are_not_divided_and_labels_are_balanced():
    data = brought(np.arange(300) // 5)
    split = GivenSource(data).split(None, rng(8))
    parts = (split.training, split.validation, split.test)
    groups = [set(part.groups) for part in parts]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert [part.labels.sum() for part in parts] == [0, 0, 0]
    # 60, 20 and 20 of 100 of the rarer label, give or take the luck of a few groups of five.
    assert_allclose([len(part) / 2 for part in parts], [60, 20, 20], atol=6)
    assert len(GivenSource(data).split(30, rng(8)).training) == 30


def test_data_that_do_not_suffice_are_refused():
    with pytest.raises(ArgumentError, match=r"^samples must be from 1 to \d+, what one split leaves"):
        GivenSource(brought(np.arange(90))).split(60, rng())
    with pytest.raises(ArgumentError, match=r"^--data must leave sequences of both labels for "):
        GivenSource(brought(np.zeros(30))).split(None, rng())


def test_a_patient_is_a_sequence_of_thirty_measurements():
    data = measurement_sequences()
    original = images.scikit_learn("datasets").load_breast_cancer()
    assert (data.labels == 1).sum() == 212  # malignant ones, by the data's own description
    assert (data.tokens[:, :, :13].sum(axis=(0, 2)) == 2 * 569).all()
    token = list(original.feature_names).index("worst area")
    assert (data.tokens[0, token, :13] == np.eye(10)[3].tolist() + np.eye(3)[2].tolist()).all()
    # Standardised, a column is the original up to scale and shift; rounding alone is left.
    assert_allclose(np.corrcoef(data.tokens[:, token, 13], original.data[:, token])[0, 1], 1, rtol=1e-12)


# --- scaling and centring ---


def test_whitening_is_the_inverse_root_of_the_training_covariance():
    tokens = rng(9).normal(size=(200, 5, 6)) @ rng(10).normal(size=(6, 6)) + 3
    whitening = Whitening.learned(tokens)
    covariance = np.cov(tokens.reshape(-1, 6).T, bias=True)
    regularised = covariance + REGULARISATION * np.trace(covariance) / 6 * np.eye(6)
    # Rounding, times the condition number of the covariance, below 1e3.
    assert_allclose(whitening.matrix @ regularised @ whitening.matrix, np.eye(6), atol=1e-11)
    assert_allclose(whitening(tokens).mean(axis=(0, 1)), 0, atol=1e-12)


def test_tokens_that_do_not_vary_are_refused():
    with pytest.raises(ArgumentError, match=r"^tokens must differ from each other"):
        Whitening.learned(np.ones((3, 4, 2)))


def test_without_scikit_learn_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr("numerics.extras.find_spec", lambda _: None)
    with pytest.raises(
        NotAvailableError, match=r"^scikit-learn is needed for real data: pip install '.*\[realdata\]'$"
    ):
        images.scikit_learn("datasets")
