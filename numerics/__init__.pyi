from numerics.descent.gradient_descent import Trajectory, descend
from numerics.descent.three_steps import ThreeStepDraws, draw_three_steps
from numerics.simulation import SIMULATORS, Simulation, simulate
from numerics.simulators.sequences import TokenSequences, draw_sequences

__all__ = [
    "SIMULATORS",
    "Simulation",
    "ThreeStepDraws",
    "TokenSequences",
    "Trajectory",
    "descend",
    "draw_sequences",
    "draw_three_steps",
    "simulate",
]
