"""The decorator under its inner address."""

from promptflow.tracing import trace

__all__ = ["trace"]
