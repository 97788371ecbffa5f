"""Known vulnerabilities, looked up in a database that is a file."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.environments.advisories import find_advisories
from pf_jupyter.environments.audit import asks, audit
from pf_jupyter.errors import Unreachable, UsageError
from pf_jupyter.workspace.api import Environment, Package
from pf_jupyter.workspace.environment_health import vulnerabilities


def record(name: str = "Thing_A", **affected: Any) -> dict[str, Any]:
    package = {"ecosystem": "PyPI", "name": name}
    return {
        "id": "PYSEC-1",
        "summary": "it breaks",
        "affected": [{"package": package, **affected}],
    }


def between(*events: dict[str, str]) -> dict[str, Any]:
    return {"ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}


@pytest.mark.parametrize(
    ("affected", "version", "hit"),
    [
        ({"versions": ["1.0", "1.1"]}, "1.1", True),
        ({"versions": ["1.0"]}, "1.1", False),
        (between({"introduced": "0"}), "7", True),
        (between({"introduced": "0"}, {"fixed": "2.0"}), "1.9", True),
        (between({"introduced": "0"}, {"fixed": "2.0"}), "2.0", False),
        (between({"introduced": "0"}, {"fixed": "2.0"}), "2.0rc1", True),
        (between({"introduced": "1.5"}, {"fixed": "2.0"}), "1.4", False),
        (between({"introduced": "1"}, {"last_affected": "1.9"}), "1.9", True),
        (between({"introduced": "1"}, {"last_affected": "1.9"}), "1.10", False),
        (
            between(
                *({"introduced": "0"}, {"fixed": "1"}),
                *({"introduced": "2"}, {"fixed": "3"}),
            ),
            "2.5",
            True,
        ),
        (
            between(
                *({"introduced": "0"}, {"fixed": "1"}),
                *({"introduced": "2"}, {"fixed": "3"}),
            ),
            "1.5",
            False,
        ),
        (between({"introduced": "0"}), "no version", False),
    ],
)
def test_which_versions_are_affected(
    affected: dict[str, Any], version: str, hit: bool, tmp_path: Path
) -> None:
    (tmp_path / "one.json").write_text(json.dumps(record(**affected)))
    found = find_advisories(tmp_path / "one.json", {"thing-a": version})
    assert bool(found) is hit


def test_a_file_a_folder_and_an_archive_say_the_same(tmp_path: Path) -> None:
    first = record(**between({"introduced": "0"}, {"fixed": "2.0"}))
    other = {**record("other", versions=["1"]), "id": "PYSEC-2"}
    gone = {**record(versions=["1"]), "id": "PYSEC-3", "withdrawn": "2026-01-01"}
    records = [first, other, gone]
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, item in enumerate(records):
        (folder / f"{number}.json").write_text(json.dumps(item))
    (tmp_path / "list.json").write_text(json.dumps(records))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for number, item in enumerate(records):
            archive.writestr(f"{number}.json", json.dumps(item))
    packages = {"thing-a": "1", "unrelated": "1"}
    for name in ("folder", "list.json", "all.zip"):
        found = find_advisories(tmp_path / name, packages)
        assert [str(one) for one in found] == [
            "thing-a 1: PYSEC-1: it breaks; fixed in 2.0"
        ]


@pytest.mark.parametrize("text", ["", "{}", "no json", "[]"])
def test_what_is_no_database(text: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)
    for name in ("file", "absent"):
        with pytest.raises(UsageError) as caught:
            find_advisories(tmp_path / name, {})
        assert caught.value.code == "bad_advisories"
        assert caught.value.hint


def pip_audit(folder: Path, body: str) -> None:
    """Put a program of that name on the PATH."""
    program = folder / "pip-audit"
    program.write_text(f"#!{sys.executable}\nimport json, sys\n{body}\n")
    program.chmod(0o755)


def test_the_public_database_is_asked_by_way_of_pip_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    pip_audit(
        tmp_path,
        "asked = open(sys.argv[sys.argv.index('--requirement') + 1]).read().split()\n"
        "assert asked == ['jinja2==2.0', 'six==1.17.0'], asked\n"
        "assert '--disable-pip' in sys.argv\n"
        "vuln = {'id': 'PYSEC-1', 'fix_versions': ['2.1']}\n"
        "vuln['description'] = 'bad ' * 90\n"
        "found = {'name': 'jinja2', 'version': '2.0', 'vulns': [vuln]}\n"
        "print(json.dumps({'dependencies': [found], 'fixes': []}))\n"
        "sys.exit(1)",
    )
    (found,) = audit({"six": "1.17.0", "jinja2": "2.0"}).found
    assert (found.id, found.package, found.fixed) == ("PYSEC-1", "jinja2", ("2.1",))
    assert len(found.summary) < 130


def test_a_public_database_that_cannot_be_asked_is_said_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unreachable) as caught:
        audit({"six": "1.17.0"})
    assert caught.value.code == "no_pip_audit"
    pip_audit(tmp_path, "sys.stderr.write('connection refused\\n'); sys.exit(2)")
    with pytest.raises(Unreachable) as caught:
        audit({"six": "1.17.0"})
    assert caught.value.code == "advisories_unreachable"
    assert "connection refused" in caught.value.message
    pip_audit(tmp_path, "import time; time.sleep(600)")
    with pytest.raises(Unreachable, match="no answer within"):
        audit({"six": "1.17.0"}, seconds=0.2)


class Database(BaseHTTPRequestHandler):
    """Knows one vulnerability, in OSV's protocol."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        known = {**record(name, **between({"introduced": "0"}, {"fixed": "2.0"}))}
        known |= dict.fromkeys(("modified", "published"), "2026-01-01T00:00:00Z")
        hit = name == "thing-a" and asked["version"] == "1.0"
        data = json.dumps({"vulns": [known]} if hit else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_the_real_pip_audit_asks_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Database)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/v1/query"
    try:
        answer = audit({"thing-a": "1.0", "thing-b": "1.0"}, url=url)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert [str(one) for one in answer.found] == [
        "thing-a 1.0: PYSEC-1: it breaks; fixed in 2.0"
    ]
    assert answer.skipped == {}
    # the same program, with nobody at the other end any more
    with pytest.raises(Unreachable) as caught:
        audit({"thing-a": "1.0"}, url=url)
    assert caught.value.code == "advisories_unreachable"
    assert "127.0.0.1" in caught.value.message
    assert "name a file" in caught.value.hint


def test_what_the_database_does_not_know_is_no_good_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    pip_audit(
        tmp_path,
        "skipped = {'name': 'inhouse', 'skip_reason': 'not found on PyPI'}\n"
        "fine = {'name': 'six', 'version': '1.17.0', 'vulns': []}\n"
        "print(json.dumps({'dependencies': [skipped, fine], 'fixes': []}))",
    )
    answer = audit({"six": "1.17.0", "inhouse": "1"})
    assert (answer.found, dict(answer.skipped)) == (
        [],
        {"inhouse": "not found on PyPI"},
    )
    environment = Environment("mine", "1", "", "", "ann", "", packages=PACKAGES)
    lines = [
        (one.status, one.message) for one in vulnerabilities(environment, "pip-audit")
    ]
    assert lines == [
        ("warn", "not looked for: 1 of 2 packages, such as inhouse: not found on PyPI"),
        ("pass", "none known for 1 package"),
    ]


PACKAGES = (Package("six", "1.17.0", "base"), Package("inhouse", "1", "environment"))


@pytest.mark.parametrize(
    ("named", "asked"),
    [("pip-audit", True), ("https://osv.example/v1/query", True), ("osv.zip", False)],
)
def test_a_database_is_asked_or_read(named: str, asked: bool) -> None:
    assert asks(named) is asked
