"""Real data of another kind: a patient's measurements as tokens, from the breast-cancer data that scikit-learn ships.

Cell nuclei of 569 tumours were measured: ten quantities, of each the mean, the standard error and the worst, and it is
known whether the tumour was malignant (label 1) or benign (-1).  A token says which quantity, which of the three, and
the value, standardised over all patients: T = 30, d = 10 + 3 + 1.  Nobody knows which measurements are relevant.
"""

from __future__ import annotations

import numpy as np

from numerics.real_data.images import scikit_learn
from numerics.real_data.sequence_data import SequenceData

QUANTITIES, STATISTICS = 10, 3
BENIGN = 1
"""What scikit-learn calls it."""


def measurement_sequences() -> SequenceData:
    """Return a sequence for each patient.

    Raises:
        NotAvailableError: scikit-learn is not installed.

    Example:
        >>> measurement_sequences().tokens.shape
        (569, 30, 14)
    """
    patients = scikit_learn("datasets").load_breast_cancer()
    values = (patients.data - patients.data.mean(axis=0)) / patients.data.std(axis=0)
    statistic, quantity = np.divmod(np.arange(QUANTITIES * STATISTICS), QUANTITIES)
    names = np.hstack([np.eye(QUANTITIES)[quantity], np.eye(STATISTICS)[statistic]])
    tokens = np.concatenate([np.tile(names, (len(values), 1, 1)), values[:, :, None]], axis=2)
    return SequenceData(tokens, np.where(patients.target == BENIGN, -1.0, 1.0))
