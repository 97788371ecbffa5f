"""Runs inside the runtime: executors, tools, protocol. Plain Python 3.9 alone."""
