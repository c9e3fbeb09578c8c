"""Claims of the theory held against simulation, with a proven bound on false alarms and a stated power."""

from numerics.verification.check import Check
from numerics.verification.claim import Arm, Claim, Experiment, Observations, Setting
from numerics.verification.engine import verify

__all__ = ["Arm", "Check", "Claim", "Experiment", "Observations", "Setting", "verify"]
