"""What the context is worth: gain of the prompt, best temperature, hard attention."""
