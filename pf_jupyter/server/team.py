"""``jupyter pf server``: a server for a team, with our routes and little else.

It starts no kernels, opens no terminals and shows no files: whoever could have one of
these would be the server's own user, and no right of ours would hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jupyter_server.serverapp import ServerApp

from ..workspace.remote_routes import PREFIX


class TeamServer(ServerApp):
    """A Jupyter server without kernels, terminals, files and sessions."""

    name = "pf-server"
    default_services: Any = ("api", "auth", "security", "shutdown")


def main(argv: Sequence[str]) -> int:
    """Run the server until it is stopped.

    Parameters
    ----------
    argv
        The words after ``jupyter pf server``: options of a Jupyter server.
    """
    ours = [
        "--ServerApp.open_browser=False",
        f"--ServerApp.default_url=/{PREFIX}/status",
        "--ServerApp.terminals_enabled=False",
        "--PfJupyter.team=True",
        "--PfJupyter.kernels=False",
    ]
    app: Any = TeamServer.instance(jpserver_extensions={"pf_jupyter": True})
    app.initialize(argv=[*ours, *argv], find_extensions=False)
    app.start()
    return 0
