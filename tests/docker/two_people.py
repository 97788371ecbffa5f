"""Two people on one server with a real engine, and one who tries to learn of the other.

Everything that is Ana's has her mark in its name or its content. Ben's attempts are
functions that return all that he was told: her mark must not be in it. Where he asks
for a thing of hers, he is told what he is told of a thing that never was.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pf_jupyter.flow.snapshot import load

FLOW = """\
inputs: {code: {type: string, default: 'found = 1'}}
outputs: {found: {type: string, reference: '${step.output}'}}
nodes:
- name: step
  type: python
  source: {type: code, path: step.py}
  inputs: {code: '${inputs.code}'}
"""
STEP = """\
from promptflow.core import tool


@tool
def step(code: str) -> str:
    print(code)
    place = {}
    exec(code, place)
    return repr(place.get("found"))
"""
NOBODY = "nothing-of-anybody"


class World:
    """A team's server, Ana with one of everything, and Ben.

    Parameters
    ----------
    server
        Running, with an engine; it believes the header ``X-Person``.
    harness
        The module of the tests that it is from.
    """

    def __init__(self, server: Any, harness: Any) -> None:
        self.server = server
        self._harness = harness
        self.mark = f"anas{uuid.uuid4().hex[:10]}"
        self.names: dict[str, str] = {}
        for person in ("ana", "ben"):
            self.ask("boss", "POST", "roles", _role(person))
        self._both(self._runtime)
        self.names["runtime"] = f"rt-{self.mark}"
        self._connection()
        self._runs()
        self._files()
        made = self.ask("ana", "POST", "tokens", {"kernel": self.mark})[1]
        self.names["token"], self.token = made["id"], made["token"]
        operations = self.ask("ana", "GET", "operations")[1]["operations"]
        self.names["operation"] = operations[0]["id"]

    # ---- asking -----------------------------------------------------------------

    def ask(
        self, person: str, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """Return status and document of one request."""
        raw = body if isinstance(body, bytes) else None
        status, _, said = self.server.ask(
            method,
            f"pf/api/{path}",
            None if raw else body,
            raw=raw,
            token=None,
            headers={"X-Person": person, **headers},
        )
        return status, said

    def whole(
        self, person: str, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """Return how a request ends, long work included."""
        status, said = self.ask(person, method, path, body, **headers)
        if status == 202 and isinstance(said, dict) and "verb" in said:
            said = self._ended(person, said["id"])
        return status, said

    def _ended(self, person: str, key: str) -> Any:
        def look() -> Any:
            found = self.ask(person, "GET", f"operations/{key}")[1]
            return found if found["state"] != "running" else None

        return self._harness.wait_for(look, f"operation {key} ends")

    def run(self, person: str, code: str, **more: Any) -> tuple[int, Any]:
        """Have a person's code run in their own runtime."""
        body = {
            "flow": self.flow(person),
            "runtime": f"rt-{person if person != 'ana' else self.mark}",
            "inputs": {"code": code},
            **more,
        }
        return self.whole(person, "POST", "runs", body)

    def inside(self, code: str) -> str:
        """Return what Ben's code finds in his own runtime."""
        status, said = self.run("ben", code)
        assert status == 202, said
        result = said["result"]
        assert result["status"] == "Completed", (said["error"], result)
        return str(result["document"]["outputs"]["found"])

    def flow(self, person: str) -> dict[str, Any]:
        """Give the server the flow, once, and return what it is called there."""
        known = self.names.get(f"flow of {person}")
        if known is None:
            known = self._uploaded(person)
            self.names[f"flow of {person}"] = known
        return dict(json.loads(known))

    def _uploaded(self, person: str) -> str:
        name = self.mark if person == "ana" else person
        folder = self.server.folder / "flows" / name
        folder.mkdir(parents=True)
        (folder / "flow.dag.yaml").write_text(FLOW)
        (folder / "step.py").write_text(STEP)
        snapshot = load(folder).snapshot
        assert snapshot is not None
        key = hashlib.sha256(name.encode()).hexdigest()[:32]
        known = {"name": name, "file": None, "digest": snapshot.digest}
        files = [
            {
                "path": file.path,
                "mode": file.mode,
                "content": base64.b64encode(file.read()).decode(),
            }
            for file in snapshot.files
        ]
        body = {**known, "key": key, "files": files}
        status, said = self.ask(person, "POST", "flows/uploads", body)
        assert status == 201, said
        return json.dumps({**known, "upload": key})

    def heard(self, begin: Callable[[], object]) -> list[dict[str, Any]]:
        """Return what Ben's event stream tells while something happens."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.server.port, timeout=120
        )
        told: list[dict[str, Any]] = []
        ready, over = threading.Event(), threading.Event()

        def read() -> None:
            connection.request(
                "GET", f"{self._harness.BASE}pf/api/events", headers={"X-Person": "ben"}
            )
            answer = connection.getresponse()
            while line := answer.readline():
                if line.startswith(b"data: "):
                    told.append(json.loads(line[6:]))
                    ready.set()
                    if _LAST in told[-1]["nouns"] and len(told) > 1:
                        over.set()
                        return

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        assert ready.wait(120)
        begin()
        # what comes of his own change is told after all that happened before it
        self.ask("ben", "POST", "connections", _connection(f"b{uuid.uuid4().hex[:8]}"))
        assert over.wait(120)
        reader.join(120)
        connection.close()
        return told[1:]

    # ---- what there is ----------------------------------------------------------

    def _both(self, make: Callable[[str], None]) -> None:
        threads = [threading.Thread(target=make, args=(p,)) for p in ("ana", "ben")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _runtime(self, person: str) -> None:
        name = f"rt-{self.mark if person == 'ana' else person}"
        body = {"name": name, "compute": "docker"}
        status, said = self.whole(person, "POST", "runtimes", body)
        assert status == 202, said
        assert said["state"] == "done", said

    def _connection(self) -> None:
        name = self.names["connection"] = f"c-{self.mark}"
        assert self.ask("ana", "POST", "connections", _connection(name))[0] == 201
        assert self.ask("ben", "POST", "connections", _connection("c-ben"))[0] == 201

    def _runs(self) -> None:
        code = f"open('/tmp/{self.mark}', 'w').write('x'); found = '{self.mark}'"
        status, said = self.run("ana", code)
        assert status == 202, said
        assert said["state"] == "done", said
        self.names["run"] = said["run_id"]
        body = {
            "flow": self.flow("ana"),
            "runtime": f"rt-{self.mark}",
            "rows": [{"code": f"found = '{self.mark}'"}] * 2,
            "mapping": {"code": "${data.code}"},
        }
        status, said = self.whole("ana", "POST", "batches", body)
        assert status == 202, said
        self.names["batch"] = said["run_id"]

    def _files(self) -> None:
        content = f"a file with {self.mark} in it".encode()
        digest = self.names["file"] = hashlib.sha256(content).hexdigest()
        path = f"files/{digest}?size={len(content)}"
        status, said = self.ask("ana", "PUT", path, content)
        assert status == 200, said

    def container(self, person: str, client: Any) -> dict[str, Any]:
        """Return what the engine says of a person's container."""
        name = self.names["runtime"] if person == "ana" else f"rt-{person}"
        shown = self.ask(person, "GET", f"runtimes/{name}")[1]
        return dict(client.inspect_container(shown["container_id"]))

    def told_of(
        self, kind: str, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[str, str]:
        """Return what Ben is told of a thing of Ana's, and of one that never was.

        Parameters
        ----------
        kind
            Of the thing; its name stands for ``HERS`` in path and body.
        """
        answers = []
        for name in (self.names[kind], _like(self.names[kind])):
            asked = json.loads(json.dumps(body).replace("HERS", name))
            given = {key: value.replace("HERS", name) for key, value in headers.items()}
            where = path.replace("HERS", name)
            status, said = self.whole("ben", method, where, asked, **given)
            answers.append(f"{status} {_plain(said)}".replace(name, NOBODY))
        return answers[0], answers[1]


_LAST = "connections"


def _role(person: str) -> dict[str, str]:
    return {"principal": person, "role": "data_scientist"}


def _connection(name: str) -> dict[str, Any]:
    settings = {"type": "custom", "secrets.k": f"secret of {name}"}
    return {"name": name, "scope": "personal", "settings": settings}


def _like(name: str) -> str:
    """Return a name of the same form that nothing has."""
    if len(name) in (32, 64) and all(c in "0123456789abcdef" for c in name):
        return hashlib.sha256(name.encode()).hexdigest()[: len(name)]
    return "".join(chr(ord(c) + 1) if c in "abcdey" else c for c in name) + "x"


def _plain(said: Any) -> str:
    """Return an answer without what differs from one asking to the next."""
    if isinstance(said, dict) and "verb" in said:
        said = {key: said[key] for key in ("state", "error", "result")}
    return json.dumps(said, sort_keys=True, default=str)


def layers(found: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield what a container shares with others, and whether it may be written."""
    for mount in found["Mounts"]:
        yield str(mount.get("Name") or mount.get("Source") or ""), bool(mount["RW"])


def home_files(home: Path) -> Iterator[Path]:
    """Yield all that a server has written."""
    yield from home.rglob("*")
