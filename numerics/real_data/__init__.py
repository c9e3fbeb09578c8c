"""Real data: digits among photographs, or anybody's token sequences, and what the attention models make of them."""

from numerics.real_data.arrangements import ARRANGEMENTS, TokenPools, arrange, token_pools
from numerics.real_data.comparison import ModelSummary, compare
from numerics.real_data.measurements import measurement_sequences
from numerics.real_data.mixture_fit import MixtureFit, fit_mixture
from numerics.real_data.resampling import ResampledMean
from numerics.real_data.sequence_data import SequenceData, load_sequences
from numerics.real_data.sources import GivenSource, ImageSource, Split

__all__ = [
    "ARRANGEMENTS",
    "GivenSource",
    "ImageSource",
    "MixtureFit",
    "ModelSummary",
    "ResampledMean",
    "SequenceData",
    "Split",
    "TokenPools",
    "arrange",
    "compare",
    "fit_mixture",
    "load_sequences",
    "measurement_sequences",
    "token_pools",
]
