"""A Docker engine of the test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .daemon import OwnDaemon, running_daemon


@pytest.fixture(scope="session")
def own_daemon() -> Iterator[OwnDaemon]:
    """A daemon that the test may stop and start."""
    with running_daemon() as daemon:
        yield daemon
