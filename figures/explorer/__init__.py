"""The interactive explorer: theory, simulation and one sequence for any setting, in a browser."""
