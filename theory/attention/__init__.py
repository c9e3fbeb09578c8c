"""What prompt-attention does to a sequence: constants, moments and laws of the feature."""
