"""Wheels made on the spot and an index of one's own: nothing comes from outside."""

from __future__ import annotations

import base64
import os
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    files: dict[str, str] | None = None,
    requires: Sequence[str] = (),
    scripts: dict[str, str] | None = None,
    tag: str = "py3-none-any",
) -> Path:
    """Write a wheel; without ``files`` it has one module of its name."""
    module = name.replace("-", "_")
    files = files if files is not None else {f"{module}.py": f"value = '{version}'\n"}
    info = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    contents = {
        **files,
        f"{info}/METADATA": metadata
        + "".join(f"Requires-Dist: {text}\n" for text in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\n"
        f"Root-Is-Purelib: true\nTag: {tag}\n",
    }
    if scripts:
        lines = "".join(f"{key} = {value}\n" for key, value in scripts.items())
        contents[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    record = f"{info}/RECORD"
    contents[record] = "".join(f"{file},,\n" for file in [*contents, record])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in contents.items():
            archive.writestr(file, text)
    return path


class Index:
    """A package index on loopback, with a login if it is given one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.login = ""
        self.broken = 0
        folder.mkdir(parents=True, exist_ok=True)
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}/simple"

    def add(self, name: str, version: str = "1.0", **options: Any) -> Path:
        return make_wheel(self.folder, name, version, **options)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        parts = [part for part in unquote(request.path).split("/") if part]
        if self.broken:
            self._send(request, self.broken, b"")
        elif self.login and request.headers.get("Authorization") != wanted:
            self._send(request, 401, b"", challenge=True)
        elif parts and parts[0] == "files":
            file = self.folder / parts[-1]
            self._send(request, 200, file.read_bytes())
        elif len(parts) == 2:
            module = parts[1].replace("-", "_")
            found = sorted(self.folder.glob(f"{module}-*.whl"))
            links = "".join(
                f'<a href="/files/{file.name}">{file.name}</a>' for file in found
            )
            self._send(request, 200 if found else 404, f"<html>{links}</html>".encode())
        else:
            self._send(request, 404, b"")

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        data: bytes,
        *,
        challenge: bool = False,
    ) -> None:
        request.send_response(status)
        if challenge:
            request.send_header("WWW-Authenticate", 'Basic realm="index"')
        request.send_header("Content-Length", str(len(data)))
        if data[:1] == b"<":
            request.send_header("Content-Type", "text/html")
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(data)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uv_cache: Path
) -> Iterator[Index]:
    """The only index that uv asks."""
    made = Index(tmp_path / "index")
    for name in os.environ:
        if name.startswith(("UV_", "PIP_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", made.url)
    monkeypatch.setenv("UV_CACHE_DIR", str(uv_cache))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield made
    made.close()


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture
def wheel() -> Callable[..., Path]:
    return make_wheel
