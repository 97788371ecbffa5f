"""Batch runs: a flow over rows, in any runtime, with nothing lost."""
