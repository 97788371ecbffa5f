"""Judging runs: intervals, paired tests, when to stop, what changed between runs."""
