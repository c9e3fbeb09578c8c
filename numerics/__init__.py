"""Simulation and verification: what the theory predicts, drawn and compared."""

from numerics.sequences import TokenSequences, draw_sequences
from numerics.simulation import SIMULATORS, Simulation, simulate

__all__ = ["SIMULATORS", "Simulation", "TokenSequences", "draw_sequences", "simulate"]
