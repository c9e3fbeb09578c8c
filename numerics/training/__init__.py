"""Heads trained on features."""
