"""What tells that something has changed, whoever changed it."""

from __future__ import annotations

from pf_jupyter.store.changes import NOUNS
from pf_jupyter.store.database import Database


def test_each_look_names_what_changed_since_the_last_one(home):
    database = Database(home)
    changes = database.changes()
    assert changes.look() == list(NOUNS)
    assert changes.look() == []
    with database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO role_assignments VALUES "
            "('ana', 'reader', 'workspace', 'bo', 'now', NULL)"
        )
    assert changes.look() == ["roles"]
    assert changes.look() == []
    # a change of another process's is a change like any other
    other = Database(home)
    with other.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO settings VALUES ('current_runtime', '\"demo\"')"
        )
    assert changes.look() == ["runtimes"]
    with other.write() as connection:
        connection.exec_driver_sql("INSERT INTO settings VALUES ('x', '1')")
    assert changes.look() == []
    for opened in (changes, database, other):
        opened.close()
