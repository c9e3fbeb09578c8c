"""The images that scikit-learn ships: 1,797 handwritten digits of 8 × 8 pixels, and two photographs.

Every patch of 8 × 8 pixels, digit or piece of a photograph, has its mean taken off and is divided by its standard
deviation, so that brightness and contrast tell no patch from another: x ↦ (x - mean)/√(variance + 10), pixels from 0 to
255 (Coates, Lee & Ng 2011, with the constant of their published code; they go on to whiten, as does `whitening`).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import version
from types import ModuleType

import numpy as np
import numpy.typing as npt

from numerics.extras import REAL_DATA
from theory.arguments import FloatArray

SIDE = 8
"""Pixels of a patch, in each direction."""

SCENE = 8
"""Patches of a scene, in each direction: a photograph is cut into scenes of 64 × 64 pixels."""

LARGEST_PIXEL = {"digits": 16.0, "photographs": 255.0}
SMALL_VARIANCE = 10 / 255**2


def scikit_learn(module: str) -> ModuleType:
    """Return a module of scikit-learn, an extra that not everybody has.

    Raises:
        NotAvailableError: it is not installed.
    """
    REAL_DATA.require("real data")
    return import_module(f"{REAL_DATA.module}.{module}")


def normalised_patches(patches: FloatArray) -> FloatArray:
    """Return patches of pixels from 0 to 1, shape (..., 64), without their brightness and contrast.

    Example:
        >>> patch = np.linspace(0.0, 1.0, 64)
        >>> bool(np.allclose(normalised_patches(patch), normalised_patches(0.5 + patch / 2), atol=0.01))
        True
    """
    centred = patches - patches.mean(axis=-1, keepdims=True)
    variance = np.mean(centred**2, axis=-1, keepdims=True)
    centred /= np.sqrt(variance + SMALL_VARIANCE)
    return np.asarray(centred)


@cache
def digit_pixels() -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Return the digits' pixels from 0 to 1, shape (1797, 64), and which digit each shows, shape (1797,)."""
    digits = scikit_learn("datasets").load_digits()
    return np.asarray(digits.data / LARGEST_PIXEL["digits"]), digits.target.astype(np.int64)


@cache
def photograph_pixels() -> FloatArray:
    """Return the photographs in grey, cut into scenes of patches: pixels from 0 to 1, shape (120, 8, 8, 64).

    What does not fill a scene, at the lower and right edges, is left away.
    """
    return np.concatenate([_scenes(np.asarray(each)) for each in scikit_learn("datasets").load_sample_images().images])


def _scenes(photograph: npt.NDArray[np.uint8]) -> FloatArray:
    """Cut one photograph, shape (height, width, 3)."""
    grey = photograph.mean(axis=2) / LARGEST_PIXEL["photographs"]
    length = SCENE * SIDE
    rows, columns = (extent // length for extent in grey.shape)
    cut = grey[: rows * length, : columns * length].reshape(rows, SCENE, SIDE, columns, SCENE, SIDE)
    return np.asarray(cut.transpose(0, 3, 1, 4, 2, 5).reshape(rows * columns, SCENE, SCENE, SIDE * SIDE))


def shipped_by() -> str:
    """Return which scikit-learn the images come from, for what is stored of them.

    Raises:
        NotAvailableError: it is not installed.
    """
    scikit_learn("datasets")
    return f"scikit-learn {version('scikit-learn')}"
