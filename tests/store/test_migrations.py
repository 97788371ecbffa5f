"""The schema: made by migrations, brought up to date at opening, one at a time."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

from pf_jupyter.errors import InternalError, Unreachable
from pf_jupyter.store import tables
from pf_jupyter.store.database import Database
from pf_jupyter.store.store import Store

FIRST = Path(__file__).with_name("first_schema.sql")

NEXT = """
import sqlalchemy as sa
from alembic import op
revision = "9999"
down_revision = "{head}"

def upgrade():
    op.add_column("runs", sa.Column("extra", sa.String(10), server_default="yes"))
    {then}
"""


@pytest.fixture
def first(tmp_path, kept_in):
    """A store as the first version left it, with a runtime, its log and a run."""
    folder = tmp_path / "old"
    folder.mkdir()
    if kept_in == "sqlite":
        connection = sqlite3.connect(folder / "store.sqlite")
        connection.executescript(FIRST.read_text())
        connection.close()
        return folder
    url = database_url()
    Database(folder, url=url, head="0001").close()
    # the same records, in the tables as the first script makes them there
    found = {
        re.match(r'INSERT INTO "(\w+)"', line).group(1): line
        for line in FIRST.read_text().splitlines()
        if line.startswith("INSERT")
    }
    found["runtimes"] = found["runtimes"].replace("'docker',1,", "'docker',true,")
    engine = create_engine(url.replace("://", "+psycopg://"), poolclass=NullPool)
    with engine.begin() as connection:
        for table in ("settings", "runtimes", "runtime_log", "runs"):
            connection.exec_driver_sql(found[table])
    mark = {"id": "0123456789abcdef0123456789abcdef", "place": "there"}
    (folder / "store.json").write_text(json.dumps(mark))
    return folder


def database_url():
    return os.environ.get("PF_JUPYTER_STORE_URL")


def next_versions(tmp_path, then="pass"):
    versions = tmp_path / "versions"
    versions.mkdir()
    ours = Path(tables.__file__).parent / "migrations" / "versions"
    for script in ours.glob("0*.py"):
        (versions / script.name).write_text(script.read_text())
    (versions / "9999.py").write_text(NEXT.format(head=tables.HEAD, then=then))
    return versions


def test_the_newest_script_is_the_schema_that_statements_use():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "pf_jupyter.store:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [tables.HEAD]


def test_migrations_make_exactly_the_tables_that_statements_use(tmp_path, kept_in):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = Database(tmp_path / "home", url=database_url())
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
    database.close()


def test_a_store_of_the_first_version_is_upgraded_and_keeps_what_it_held(first):
    store = Store(first)
    try:
        assert store.database.revision() == tables.HEAD
        runtime = store.runtime("old")
        assert runtime is not None
        assert (runtime.state, runtime.memory) == ("stopped", 4294967296)
        assert runtime.engine_address == ""
        assert [line.text for _, line in store.life(runtime.id)] == ["is ready"]
        run = store.run("run-1")
        assert run is not None
        assert run.document == {"outputs": {"greeting": "Hello, ä!"}}
        assert store.id == "0123456789abcdef0123456789abcdef"
    finally:
        store.close()


def test_a_failing_step_leaves_the_store_as_it_was(tmp_path, kept_in):
    url = database_url()
    database = Database(tmp_path / "home", url=url)
    database.close()
    versions = next_versions(tmp_path, then='op.drop_table("nowhere")')
    with pytest.raises((Unreachable, InternalError)):
        Database(tmp_path / "home", url=url, head="9999", versions=versions)
    again = Database(tmp_path / "home", url=url)
    try:
        assert again.revision() == tables.HEAD
        with again.read() as connection:
            columns = inspect(connection).get_columns("runs")
        assert "extra" not in [column["name"] for column in columns]
    finally:
        again.close()


def test_a_newer_store_is_refused_with_the_way_out(tmp_path, kept_in):
    versions, url = next_versions(tmp_path), database_url()
    Database(tmp_path / "home", url=url, head="9999", versions=versions).close()
    with pytest.raises(Unreachable) as caught:
        Database(tmp_path / "home", url=url)
    assert caught.value.code == "store_newer"
    assert "upgrade" in caught.value.hint


def test_an_up_to_date_store_opens_without_alembic(tmp_path):
    Store(tmp_path / "home").close()
    program = (
        "import sys, pathlib\n"
        "from pf_jupyter.store.store import Store\n"
        "Store(pathlib.Path(sys.argv[1])).close()\n"
        "sys.exit('alembic' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "home")]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0


def test_the_interface_is_imported_without_a_database_library():
    program = (
        "import sys, pf_jupyter.workspace.api, pf_jupyter.workspace.local\n"
        "heavy = {'sqlalchemy', 'alembic', 'docker', 'ruamel.yaml'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_many_processes_may_open_a_new_store_at_once(tmp_path, kept_in):
    program = (
        "import sys, pathlib\n"
        "from pf_jupyter.store.store import Store\n"
        "store = Store(pathlib.Path(sys.argv[1]))\n"
        "store.remember(sys.argv[2], True)\n"
        "print(store.id)\n"
        "store.close()\n"
    )
    home = str(tmp_path / "home")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, home, f"key-{number}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    answers = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * 4, answers
    assert len({out for out, _ in answers}) == 1
    store = Store(tmp_path / "home")
    try:
        assert all(store.setting(f"key-{number}") for number in range(4))
    finally:
        store.close()
