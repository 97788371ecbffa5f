"""The steps of docs/backup.md: what was there before is there again, secrets, too."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pf_jupyter.connections.keys import Keys
from pf_jupyter.errors import IllegalState
from pf_jupyter.store.computes import ComputeRecord
from pf_jupyter.store.store import Store


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def filled(folder: Path) -> str:
    store = Store(folder)
    sealed = Keys(folder, store.id).seal("compute far", "key", "s3cret")
    secrets = {"key": sealed}
    store.computes.add(
        ComputeRecord("far", "ana", "tcp://x", "a", "b", secrets=secrets)
    )
    store.close()
    return store.id


def test_folder_and_records_come_back(tmp_path, kept_in, request, monkeypatch):
    monkeypatch.setenv("PF_JUPYTER_KEYRING", "0")
    before, after = tmp_path / "before", tmp_path / "after"
    identity = filled(before)
    archive, dump = tmp_path / "pf-home.tar.gz", tmp_path / "pf-records.dump"
    run("tar", "-C", str(before), "-czf", str(archive), ".")
    if kept_in == "postgresql":
        server = request.getfixturevalue("postgresql")
        options = parse_qs(urlsplit(os.environ["PF_JUPYTER_STORE_URL"]).query)
        schema = options["options"][0].partition("=")[2]
        run("pg_dump", f"--schema={schema}", "-Fc", "-f", str(dump), server.url())
        server.execute(f"DROP SCHEMA {schema} CASCADE")
        run("pg_restore", "--no-owner", "-d", server.url(), str(dump))
    after.mkdir(mode=0o700)
    run("tar", "-C", str(after), "-xzf", str(archive))
    store = Store(after)
    try:
        assert store.id == identity
        found = store.computes.get("far")
        assert found is not None
        keys = Keys(after, store.id)
        assert keys.open("compute far", "key", found.secrets["key"]) == "s3cret"
        (after / "connections.key").unlink()
        with pytest.raises(IllegalState):
            Keys(after, store.id).open("compute far", "key", found.secrets["key"])
    finally:
        store.close()
