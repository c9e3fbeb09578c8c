"""The test error of a head trained under a known prompt."""
