"""Speed, measured: ratios in one run, growth with the sizes, and the time of a whole command."""
