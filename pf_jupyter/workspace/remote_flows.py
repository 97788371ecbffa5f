"""A flow of this machine on its way to a server, which may see its files or not."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from ..flow.contents import Snapshot
from ..flow.reader import find_flow
from ..flow.snapshot import load
from .remote_client import Client

NOT_HERE = "flow_not_here"
"""Code of the error that says that a server does not see the files."""


class SentFlow:
    """A flow, as a server is told of it.

    Parameters
    ----------
    client
        Asks the server.
    path
        Flow folder or file on this machine.

    Raises
    ------
    FlowInvalid
        The folder cannot be taken; nothing was sent.
    """

    missing = NOT_HERE

    def __init__(self, client: Client, path: Path) -> None:
        self._client = client
        self._path = path
        loaded = load(path)
        if loaded.snapshot is None:
            loaded.require()
        assert loaded.snapshot is not None
        self._snapshot: Snapshot = loaded.snapshot
        self.flow = loaded.flow

    def reference(self) -> dict[str, Any]:
        """Return the path, and the digest that proves that both see the same files."""
        return {"path": str(self._path), "digest": self._snapshot.digest}

    def uploaded(self) -> dict[str, Any]:
        """Give the server the files, and return what it knows them by."""
        located = find_flow(self._path)
        file = None if self._path.is_dir() else located.name
        place = str(located.folder).encode("utf-8", "replace")
        body = {
            # edits of one folder replace each other, so that runs know each other
            "key": hashlib.sha256(place).hexdigest()[:32],
            "name": located.folder.name,
            "file": file,
            "digest": self._snapshot.digest,
            "files": [
                {
                    "path": file.path,
                    "mode": file.mode,
                    "content": base64.b64encode(file.read()).decode("ascii"),
                }
                for file in self._snapshot.files
            ],
        }
        self._client.call("flows.upload", body=body)
        return {
            "upload": body["key"],
            "name": located.folder.name,
            "file": file,
            "digest": self._snapshot.digest,
        }
