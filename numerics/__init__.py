"""Simulation and verification: what the theory predicts, drawn and compared."""

from numerics.simulation import SIMULATORS, Simulation, simulate
from numerics.simulators.sequences import TokenSequences, draw_sequences

__all__ = ["SIMULATORS", "Simulation", "TokenSequences", "draw_sequences", "simulate"]
