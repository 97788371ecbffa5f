"""What tells that something has changed, whoever changed it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from pf_jupyter.errors import Unreachable
from pf_jupyter.store.changes import NOUNS
from pf_jupyter.store.store import Store

REMEMBER = """
import sys
from pathlib import Path
from pf_jupyter.store.store import Store
store = Store(Path(sys.argv[1]))
store.remember("compute:there", {"engine": "docker"})
store.close()
"""


def told(changes):
    """Return what the next look tells that tells anything."""
    until = time.monotonic() + 60
    while not (found := changes.look()) and time.monotonic() < until:
        time.sleep(0.01)
    return found


def test_each_look_names_what_changed_since_the_last_one(home, kept_in):
    store = Store(home)
    database = store.database
    changes = database.changes()
    assert changes.look() == list(NOUNS)
    assert changes.look() == []
    with database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO role_assignments VALUES "
            "('ana', 'reader', 'workspace', 'bo', 'now', NULL)"
        )
    assert told(changes) == ["roles"]
    assert changes.look() == []
    # a change of another process's is a change like any other
    other = Store(home)
    other.remember("current_runtime", "demo")
    assert told(changes) == ["runtimes"]
    other.remember("x", 1)
    assert changes.look() == []
    subprocess.run(
        [sys.executable, "-c", REMEMBER, str(home)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )
    assert told(changes) == ["computes"]
    for opened in (changes, store, other):
        opened.close()


def test_what_changed_while_the_database_was_away_is_told(home, postgresql_alone):
    store = Store(home)
    changes = store.database.changes()
    try:
        changes.look()
        postgresql_alone.stop()
        with pytest.raises(Unreachable) as caught:
            changes.look()
        assert caught.value.code == "store_unreachable"
        postgresql_alone.start()
        store.remember("current_runtime", "demo")
        assert told(changes) == ["runtimes"]
        assert changes.look() == []
    finally:
        changes.close()
        store.close()
