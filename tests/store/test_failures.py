"""A store that cannot be used says so in our words, with the way out."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from pf_jupyter.errors import InternalError, PfError, Unreachable
from pf_jupyter.store.failures import translate
from pf_jupyter.store.store import Store


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "store"
    Store(made).close()
    return made


def test_a_full_disk(folder):
    store = Store(folder)
    try:
        store.remember("before", "kept")
        with store.database.write() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            # how SQLite is made to believe that there is no room left
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(Unreachable) as caught:
            store.remember("big", "x" * 200_000)
        assert caught.value.code == "store_full"
        assert "free some space" in caught.value.hint
        assert store.setting("before") == "kept"
        assert store.setting("big") is None
    finally:
        store.close()


def test_another_process_that_writes_for_too_long(folder):
    store = Store(folder, busy_seconds=0.2)
    other = sqlite3.connect(folder / "store.sqlite")
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unreachable) as caught:
            store.remember("a", 1)
        assert caught.value.code == "store_locked"
        assert store.setting("a") is None
        other.rollback()
        store.remember("a", 2)
        assert store.setting("a") == 2
    finally:
        other.close()
        store.close()


def test_a_writer_waits_for_another(folder):
    store = Store(folder)
    other = sqlite3.connect(folder / "store.sqlite", check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, other.rollback)
    timer.start()
    try:
        store.remember("a", 1)
        assert store.setting("a") == 1
    finally:
        timer.join()
        other.close()
        store.close()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: file.write_bytes(b"not a database" * 500), id="else"),
        pytest.param(
            lambda file: file.write_bytes(
                file.read_bytes()[:4096] + b"\xff" * (file.stat().st_size - 4096)
            ),
            id="damaged",
        ),
    ],
)
def test_a_damaged_file(folder, damage):
    for name in ("store.sqlite-wal", "store.sqlite-shm"):
        (folder / name).unlink(missing_ok=True)
    damage(folder / "store.sqlite")
    with pytest.raises(Unreachable) as caught:
        Store(folder)
    assert caught.value.code == "store_corrupt"
    assert "move the file away" in caught.value.hint


def test_a_home_that_is_a_file(tmp_path):
    (tmp_path / "home").write_text("something else")
    with pytest.raises(Unreachable) as caught:
        Store(tmp_path / "home")
    assert caught.value.code == "store_not_writable"
    assert "PF_JUPYTER_HOME" in caught.value.hint


def test_a_read_only_database(folder):
    store = Store(folder)
    try:
        with store.database.read() as connection:
            connection.exec_driver_sql("PRAGMA query_only=ON")
        with pytest.raises(Unreachable) as caught:
            store.remember("a", 1)
        assert caught.value.code == "store_not_writable"
    finally:
        store.close()


def test_a_statement_that_does_not_fit_is_our_defect(folder):
    store = Store(folder)
    try:
        with (
            pytest.raises(InternalError) as caught,
            store.database.write() as connection,
        ):
            connection.exec_driver_sql("INSERT INTO settings (key) VALUES ('a')")
        assert caught.value.code == "internal"
    finally:
        store.close()


@pytest.mark.parametrize(
    "name", [name for name in dir(sqlite3) if name.startswith("SQLITE_IOERR")]
)
def test_every_extended_code_of_the_disk_has_its_words(name):
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = getattr(sqlite3, name)
    translated = translate(error, "there")
    assert isinstance(translated, PfError)
    assert translated.code == "store_unreadable"
    assert translated.hint
