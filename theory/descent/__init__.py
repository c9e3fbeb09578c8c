"""The first steps of gradient descent from zero: what they learn of prompt and head, and at what error."""
