"""Searches for weights that beat the bounds on expressivity."""
