"""Gradient descent simulated: from tokens, and exactly in law from scores."""
