"""What only a store in PostgreSQL has: an address, a home it belongs to, other ills."""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg
import pytest
from sqlalchemy import text

from pf_jupyter.errors import IllegalState, Unreachable, UsageError
from pf_jupyter.store.postgresql import shown_url
from pf_jupyter.store.records import LifeLine, timestamp
from pf_jupyter.store.store import Store

from .test_store import a_run, a_runtime


@pytest.fixture
def url(postgresql, monkeypatch):
    monkeypatch.delenv("PF_JUPYTER_STORE_URL", raising=False)
    with postgresql.schema() as made:
        yield made


def open_store(folder, url, **options):
    store = Store(folder, url=url, **options)
    store.close()
    return store.id


def test_its_records_are_there_and_no_file_is(tmp_path, url):
    store = Store(tmp_path, url=url)
    store.remember("key", "value")
    store.close()
    with psycopg.connect(url) as connection:
        query = "SELECT value FROM settings WHERE key = 'key'"
        assert connection.execute(query).fetchone() == ('"value"',)
    assert not (tmp_path / "store.sqlite").exists()


def test_a_folder_and_its_records_stay_together(tmp_path, url, postgresql):
    first = open_store(tmp_path / "a", url)
    assert open_store(tmp_path / "a", url) == first
    with pytest.raises(IllegalState) as caught:
        open_store(tmp_path / "b", url)
    assert caught.value.code == "store_of_another_home"
    assert "PF_JUPYTER_HOME" in caught.value.hint
    with postgresql.schema() as empty, pytest.raises(IllegalState) as caught:
        open_store(tmp_path / "a", empty)
    assert caught.value.code == "store_of_another_home"


def test_records_elsewhere_are_not_begun_anew_in_the_folder(tmp_path, url):
    open_store(tmp_path, url)
    with pytest.raises(IllegalState) as caught:
        Store(tmp_path)
    assert caught.value.code == "store_elsewhere"
    assert "PF_JUPYTER_STORE_URL" in caught.value.hint
    assert not (tmp_path / "store.sqlite").exists()


def test_a_home_whose_first_process_was_killed_goes_on(tmp_path, url):
    program = (
        "import os, sys, pathlib\n"
        "from pf_jupyter.store import place\n"
        "from pf_jupyter.store.store import Store\n"
        "place.insert = lambda table: os._exit(9)\n"
        "Store(pathlib.Path(sys.argv[1]), url=sys.argv[2])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), url],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        timeout=60,
    )
    assert done.returncode == 9
    assert open_store(tmp_path, url) == open_store(tmp_path, url)


@pytest.mark.parametrize("bad", ["mysql://u:secret@h/d", "nonsense secret", "http://"])
def test_what_is_no_url_is_refused_and_not_shown(tmp_path, bad):
    with pytest.raises(UsageError) as caught:
        Store(tmp_path, url=bad)
    assert caught.value.code == "bad_store_url"
    assert "secret" not in str(caught.value) + caught.value.hint


def test_a_password_is_never_shown(tmp_path):
    shown = shown_url(
        "postgresql://ana:secret@h:5/d?sslpassword=secret&sslmode=require"
    )
    assert shown == "postgresql://ana@h:5/d?sslmode=require"
    with pytest.raises(Unreachable) as caught:
        Store(tmp_path, url="postgresql://ana:secret@127.0.0.1:1/d?connect_timeout=5")
    assert caught.value.code == "store_unreachable"
    assert "secret" not in str(caught.value)
    assert "127.0.0.1" in caught.value.message


def test_a_user_without_rights_is_told_what_to_ask_for(tmp_path, url, postgresql):
    postgresql.execute("CREATE ROLE pf_stranger LOGIN")
    try:
        theirs = url.replace("pf@", "pf_stranger@")
        with pytest.raises(Unreachable) as caught:
            Store(tmp_path, url=theirs)
        assert caught.value.code == "store_not_writable"
        assert "CREATE SCHEMA" in caught.value.hint
    finally:
        postgresql.execute("DROP ROLE pf_stranger")


def test_another_process_that_writes_for_too_long(tmp_path, url):
    store = Store(tmp_path, url=url, busy_seconds=0.2)
    other = Store(tmp_path, url=url)
    try:
        with other.database.write(), pytest.raises(Unreachable) as caught:
            store.remember("a", 1)
        assert caught.value.code == "store_locked"
        assert store.setting("a") is None
        store.remember("a", 2)
        assert store.setting("a") == 2
    finally:
        other.close()
        store.close()


def test_a_reader_sees_one_state_throughout(tmp_path, url):
    store = Store(tmp_path, url=url)
    try:
        with store.database.read() as connection:
            query = text("SELECT count(*) FROM settings")
            before = connection.execute(query).scalar()
            store.remember("a", 1)
            assert connection.execute(query).scalar() == before
    finally:
        store.close()


def test_a_nul_in_a_line_of_a_log_is_kept_as_what_stands_for_it(tmp_path, url):
    store = Store(tmp_path, url=url)
    try:
        store.add_runtime(a_runtime())
        store.log(a_runtime().id, [LifeLine(timestamp(), "text", "build", "a\x00b")])
        assert [line.text for _, line in store.life(a_runtime().id)] == [
            "a\N{REPLACEMENT CHARACTER}b"
        ]
    finally:
        store.close()


def test_names_are_as_long_and_in_the_order_that_they_are_in_a_file(tmp_path, url):
    store = Store(tmp_path, url=url)
    try:
        names = ["Z" + "a" * 200, "a-b", "a", "B", "ä", "a_b"]
        for name in names:
            store.add_runtime(a_runtime(name, id=f"{names.index(name)}"))
        assert [one.name for one in store.runtimes()] == sorted(names)
    finally:
        store.close()


def test_a_database_that_was_started_anew_is_used_again(tmp_path, url, postgresql):
    store = Store(tmp_path, url=url)
    try:
        store.add_runtime(a_runtime())
        postgresql.stop()
        with pytest.raises(Unreachable) as caught:
            store.setting("a")
        assert caught.value.code == "store_unreachable"
        with pytest.raises(Unreachable):
            store.begin_run(a_run())
        postgresql.start()
        assert store.begin_run(a_run())
        assert [run for run, *_ in store.running()] == ["r1"]
    finally:
        store.close()
