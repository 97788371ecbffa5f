"""Both kinds of database: whatever a store is to do is tried on each."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def kept_in(request, monkeypatch):
    """The kind of database that stores of this test are kept in."""
    monkeypatch.delenv("PF_JUPYTER_STORE_URL", raising=False)
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        with server.schema() as url:
            monkeypatch.setenv("PF_JUPYTER_STORE_URL", url)
            yield request.param
        return
    yield request.param


@pytest.fixture
def postgresql_alone(postgresql, monkeypatch):
    """The server, with stores of this test in it; it may be stopped and started."""
    with postgresql.schema() as url:
        monkeypatch.setenv("PF_JUPYTER_STORE_URL", url)
        yield postgresql
