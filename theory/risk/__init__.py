"""The exact test error of one trained prompt and head."""
