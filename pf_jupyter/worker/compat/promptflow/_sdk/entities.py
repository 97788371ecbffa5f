"""Connections under an old address."""

from promptflow.entities import *  # noqa: F403
