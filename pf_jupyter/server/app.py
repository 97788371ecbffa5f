"""The extension that a Jupyter server loads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_server.auth import IdentityProvider, PasswordIdentityProvider, User
from jupyter_server.auth.identity import LegacyIdentityProvider
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join
from traitlets import Bool, List, Unicode

from ..workspace.remote_routes import PREFIX
from ..workspace.serving import os_user, own_workspace
from .document import DocumentHandler
from .handlers import PfHandler
from .kernels import give_kernels_an_address
from .resuming import resume
from .served import Served
from .verb import VERBS
from .verbs import load_all

_ONE_PERSON = (IdentityProvider, PasswordIdentityProvider, LegacyIdentityProvider)


class PfJupyter(ExtensionApp):
    """Prompt flow runtimes behind a Jupyter server."""

    name = "pf_jupyter"
    load_other_extensions = True
    home = Unicode(
        "",
        help="Folder of the workspace; empty means PF_JUPYTER_HOME, else pf_jupyter in "
        "Jupyter's data directory.",
    ).tag(config=True)
    store_url = Unicode(
        "",
        help="PostgreSQL database of the workspace's records (docs/postgresql.md); "
        "empty means PF_JUPYTER_STORE_URL, else a file in the workspace's folder.",
    ).tag(config=True)
    kernels = Bool(
        True,
        help="Whether kernels are told of this server, so that what they ask is done "
        "by it and not by themselves.",
    ).tag(config=True)

    team = Bool(
        False,
        help="Whether this server is asked by several people, each with rights of "
        "their own (docs/roles.md). Rights hold where people reach it over HTTP only: "
        "turn it on for a server that runs as a user of its own and starts no kernels "
        "for others, as `jupyter pf server` does.",
    ).tag(config=True)
    owners = List(
        Unicode(),
        help="People who are given the role Owner when the server starts.",
    ).tag(config=True)

    def initialize_settings(self) -> None:
        """Open nothing yet: a server that nobody asks costs nothing."""
        workspace = own_workspace(self.home or None, self.store_url or None)
        self.served = Served(workspace, self._root, team=self.team)
        self.settings["pf_jupyter"] = self.served
        for name in self.owners:
            workspace.roles.assign(name, "owner")

    def initialize_handlers(self) -> None:
        """Make a handler of each path of the table."""
        for path, found in _by_path().items():
            given = {
                "served": self.served,
                "verbs": found,
                "principal": self.principal_of,
            }
            self.handlers.append((_pattern(path), PfHandler, given))
        given = {**given, "verbs": {}}
        self.handlers.append((rf"/{PREFIX}/openapi\.json", DocumentHandler, given))
        self.handlers.append((rf"/{PREFIX}(?:/.*)?", PfHandler, given))
        resume(self.served)
        if self.kernels:
            give_kernels_an_address(self._server, self.served, self.principal_of)

    def principal_of(self, user: User | None) -> str:
        """Return who somebody is to the workspace.

        Where the server knows one person only, that is the user whose process it is:
        the names that Jupyter makes up for its guests change with each browser.
        """
        provider = self._server.identity_provider
        if user is None or not self.team or type(provider) in _ONE_PERSON:
            return os_user()
        return user.username

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Write down where the server is, for kernels that outlived another one."""
        await super()._start_jupyter_server_extension(serverapp)  # type: ignore[no-untyped-call]
        write_address(self.served.folder, serverapp)

    async def stop_extension(self) -> None:
        """Let go of everything; runtimes live on."""
        self.served.close()

    def _root(self) -> Path:
        if self.team:
            # a team's server shows no files; flows come from where people are
            return self.served.folder / "no-flows"
        return Path(self._server.root_dir).expanduser()

    @property
    def _server(self) -> Any:
        return self.serverapp


def write_address(folder: Path, serverapp: Any) -> Path:
    """Write the URL that kernels of this machine reach the server at."""
    file = address_file(folder, serverapp)
    part = file.with_suffix(".part")
    part.write_text(json.dumps({"url": local_url(serverapp)}), encoding="utf-8")
    part.replace(file)
    return file


def address_file(folder: Path, serverapp: Any) -> Path:
    """Return where the server's URL is written: a file for each base URL."""
    name = re.sub(r"\W+", "-", serverapp.base_url.strip("/")) or "base"
    return folder / f"address-{name}.json"


def local_url(serverapp: Any) -> str:
    """Return the base URL as kernels of this machine reach it, without a token."""
    if serverapp.sock:
        return str(serverapp._get_urlparts(path=serverapp.base_url).geturl())
    scheme = "https" if serverapp.certfile else "http"
    host = serverapp.ip
    if host in ("", "*", "0.0.0.0", "localhost"):
        host = "127.0.0.1"
    elif host == "::":
        host = "::1"
    if ":" in host:
        host = f"[{host}]"
    base = url_path_join("/", serverapp.base_url)
    return f"{scheme}://{host}:{serverapp.port}{base}"


def _by_path() -> Mapping[str, dict[str, Any]]:
    load_all()
    found: dict[str, dict[str, Any]] = {}
    for verb in VERBS.values():
        found.setdefault(verb.route.path, {})[verb.route.method] = verb
    return found


def _pattern(path: str) -> str:
    return rf"/{PREFIX}/" + re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)
