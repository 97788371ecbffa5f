"""What one server holds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from ..workspace.api import Workspace
from ..workspace.serving import changes, for_person, in_groups, server_folder
from .files import Files
from .groups import Groups
from .journal import Journal
from .news import News
from .operations import Operations
from .tokens import Tokens
from .uploads import Uploads

CALLS = 32
"""Answers that are being made at once; the others wait, and block nobody."""


class Served:
    """The workspace, and what a server adds to it.

    Parameters
    ----------
    workspace
        Of this process.
    root
        Returns the folder that flows named by browsers are below.
    team
        Whether several people ask, each with rights of their own.
    """

    def __init__(
        self, workspace: Workspace, root: Callable[[], Path], *, team: bool = False
    ) -> None:
        self.workspace = workspace
        self.team = team
        self.folder = server_folder(workspace)
        self.started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self.root = root
        self.journal = Journal(self.folder / "operations")
        self.operations = Operations(self.journal)
        self.news = News(lambda: changes(workspace))
        self.marks: dict[tuple[str, str], tuple[int, str]] = {}
        self.tokens = Tokens(self.folder / "tokens")
        self.uploads = Uploads(self.folder / "uploads")
        self.groups = Groups(lambda *given: in_groups(workspace, *given))
        self.files = Files(self.folder / "files")
        self.calls = ThreadPoolExecutor(CALLS, thread_name_prefix="pf-call")

    def workspace_of(self, principal: str) -> Workspace:
        """Return the workspace as one person has it.

        Where the server is one person's own, that is all of it.
        """
        if not self.team:
            return self.workspace
        return for_person(self.workspace, principal)

    def close(self) -> None:
        """Let go of everything; runtimes live on."""
        self.news.close()
        self.calls.shutdown(wait=False, cancel_futures=True)
        self.journal.close()
        self.workspace.close()
