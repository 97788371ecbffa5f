"""Which workspace a process works with: a server's, or its own."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import PfError
from . import local
from .remote_routes import (
    ADDRESS_VARIABLE,
    CERTIFICATE_VARIABLE,
    TOKEN_VARIABLE,
    URL_VARIABLE,
)

if TYPE_CHECKING:
    from .api import Workspace
    from .remote import RemoteWorkspace
    from .remote_client import Address

_HELLO_SECONDS = 5.0
_guard = threading.Lock()
_remote: dict[tuple[int, str, str], RemoteWorkspace] = {}
_alone: set[tuple[int, str, str]] = set()


def connect(home: str | Path | None = None, *, server: bool | None = None) -> Workspace:
    """Return the workspace of the server that started this kernel, else our own.

    Parameters
    ----------
    home
        The folder of a workspace of this process; None means the server's, else
        ``PF_JUPYTER_HOME``, else ``pf_jupyter`` in Jupyter's data directory.
    server
        False never asks a server, True never does without one.

    Raises
    ------
    Unreachable
        ``server`` is True, and none answers or none is named.
    """
    if server is False or (home is not None and not server):
        return local.connect(home)
    address = named_server()
    if address is None:
        if server:
            raise _no_server()
        return local.connect(home)
    key = os.getpid(), address.url, address.token
    with _guard:
        workspace = _remote.get(key)
        if workspace is not None and not workspace.closed:
            return workspace
        if key in _alone and not server:
            # it was told once; whoever works alone goes on like that
            return local.connect(home)
        try:
            workspace = _reached(address)
        except PfError as error:
            if server:
                raise
            _alone.add(key)
            sys.stderr.write(f"pf_jupyter works in this process alone: {error}\n")
            return local.connect(home)
        _alone.discard(key)
        _remote[key] = workspace
        return workspace


def named_server() -> Address | None:
    """Return the server that this process's environment names, if any."""
    from .remote_client import Address

    url, token = os.environ.get(URL_VARIABLE), os.environ.get(TOKEN_VARIABLE)
    if not url or not token:
        return None
    file = os.environ.get(ADDRESS_VARIABLE)
    return Address(
        url=url,
        token=token,
        file=Path(file) if file else None,
        certificate=os.environ.get(CERTIFICATE_VARIABLE) or None,
    )


def _reached(address: Address) -> RemoteWorkspace:
    from .remote import RemoteWorkspace
    from .remote_client import Client

    client = Client(address)
    client.call("status.show", patience=_HELLO_SECONDS)
    return RemoteWorkspace(client)


def _no_server() -> PfError:
    from ..errors import Unreachable

    return Unreachable(
        "no server is named: this process was not started by a Jupyter server that "
        "has pf_jupyter",
        code="no_server",
        hint="leave server=True out to work in this process alone",
    )
