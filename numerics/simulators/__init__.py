"""Simulators of the test error: from tokens, from scores, from overlaps."""
