"""What a verb may use: the workspace, the cells' flows, and a way to show progress."""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TextIO

from ..errors import UsageError

if TYPE_CHECKING:
    from ..workspace.api import PhaseEvent, Picture, RunEvent, Runtime, Workspace
    from .nouns.chat import Chats
    from .results import Shown
    from .states import RunStates

_ASKING = re.compile(r"(?<!%)%pf([a-z]+)\?")
_MAGIC = re.compile(r"(?<!%)%pf([a-z]+)\b")

Draw = Callable[[Mapping[str, Mapping[str, Any]]], "Picture"]


class Progress(ABC):
    """How a face shows work while it happens. Calls come from one thread."""

    @abstractmethod
    def phase(self, event: PhaseEvent) -> None:
        """Show one step of a runtime on its way to ready."""

    @abstractmethod
    def begin(self, states: RunStates, draw: Draw | None) -> None:
        """Show that a run begins; ``draw`` makes the flow's picture."""

    def event(self, event: RunEvent) -> None:
        """Take note of an event of the run, as it happens."""
        del event

    @abstractmethod
    def update(self, states: RunStates) -> None:
        """Show where the run is; called ten times a second at most."""

    @abstractmethod
    def end(self, states: RunStates) -> None:
        """Show the run's last state."""

    @abstractmethod
    def note(self, text: str) -> None:
        """Show a line that is not part of the result."""

    def live(self, shown: Shown | None) -> None:
        """Show something that changes, where it was shown before; None at its end."""
        del shown

    @abstractmethod
    def conversation(self, question: str) -> Turn:
        """Return what shows the run that answers ``question``."""


class Turn(Progress):
    """Shows one turn of a conversation: the answer as it comes."""

    @abstractmethod
    def said(self, text: str) -> None:
        """Show the whole answer of a turn that completed."""

    def conversation(self, question: str) -> Turn:
        """Return itself: a turn holds no other."""
        del question
        return self


class Cells(Protocol):
    """Nodes and flows written in notebook cells."""

    def names(self) -> list[str]:
        """Return what has been defined, newest first."""

    def folder(self, name: str, given: Mapping[str, Any] | None = None) -> Path | None:
        """Return a folder that holds the flow as written so far, or None.

        ``given`` are the inputs of the run to come; they may decide what the flow
        declares.
        """

    def save(self, name: str, to: Path) -> Path:
        """Write the flow as an ordinary folder and return it."""


class NoCells:
    """The cells of a face that has none."""

    def names(self) -> list[str]:
        """Return an empty list."""
        return []

    def folder(self, name: str, given: Mapping[str, Any] | None = None) -> Path | None:
        """Return None."""
        del name, given
        return None

    def save(self, name: str, to: Path) -> Path:
        """Raise: there is nothing to save."""
        del to
        raise UsageError(f"no cell defines a flow '{name}'", code="not_found")


class Context:
    """One face, asking for one thing.

    Parameters
    ----------
    face
        ``notebook`` spells hints as magics, ``shell`` as commands.
    progress
        Shows work while it happens.
    connect
        Returns the workspace; called when a verb first needs it.
    cells
        Flows defined in cells.
    variables
        Names that ``$name`` may stand for (a notebook's own).
    stdin
        Where ``-`` reads from.
    interactive
        Whether a person can be asked.
    chats
        Conversations so far; none when not given.

    Attributes
    ----------
    runs_cells
        Whether the flow in hand was written in cells.
    """

    def __init__(
        self,
        *,
        face: Literal["notebook", "shell"],
        progress: Progress,
        connect: Callable[[], Workspace] | None = None,
        cells: Cells | None = None,
        variables: Mapping[str, Any] | None = None,
        stdin: TextIO | None = None,
        interactive: bool = False,
        chats: Chats | None = None,
    ) -> None:
        self.face = face
        self.progress = progress
        self.cells: Cells = cells or NoCells()
        self.variables = variables if variables is not None else {}
        self.stdin = stdin or sys.stdin
        self.interactive = interactive
        self.runs_cells = False
        self._chats = chats
        self._connect = connect or _default_workspace
        self._workspace: Workspace | None = None

    @property
    def chats(self) -> Chats:
        """The conversations of this face."""
        if self._chats is None:
            from .nouns.chat import Chats

            self._chats = Chats()
        return self._chats

    @property
    def workspace(self) -> Workspace:
        """The workspace, connected on first use."""
        if self._workspace is None:
            self._workspace = self._connect()
        return self._workspace

    def spell(self, noun: str, words: str = "") -> str:
        """Return how a line is written here: ``%pfruntime list``."""
        start = f"%pf{noun}" if self.face == "notebook" else f"jupyter pf {noun}"
        return f"{start} {words}".rstrip()

    def help_of(self, noun: str) -> str:
        """Return what shows a noun's help here."""
        if self.face == "notebook":
            return f"%pf{noun}?"
        return f"jupyter pf {noun} --help" if noun else "jupyter pf --help"

    def respell(self, text: str) -> str:
        """Return a hint as this face writes it; the rooms below write magics."""
        if self.face == "notebook":
            return text
        text = _ASKING.sub(r"jupyter pf \1 --help", text)
        return _MAGIC.sub(r"jupyter pf \1", text)

    def confirm(self, question: str) -> bool:
        """Ask a person; where there is none the answer is yes."""
        if not self.interactive:
            return True
        try:
            answer = input(f"{question} [y/N] ")
        except EOFError:
            return False
        return answer.strip().lower() in ("y", "yes")

    @property
    def can_ask(self) -> bool:
        """Whether a person may be there to type a secret."""
        return self.interactive or self.face == "notebook"

    def ask_secret(self, what: str) -> str:
        """Have a person type a secret, unseen; a notebook shows a field for it.

        Raises
        ------
        UsageError
            Nobody answers, or nothing was typed.
        """
        import getpass

        try:
            answer = getpass.getpass(f"{what}: ").strip()
        except (EOFError, NotImplementedError):
            # a kernel whose front end takes no input says that it is not implemented
            answer = ""
        if answer:
            return answer
        raise UsageError(
            f"{what} was not typed",
            code="secret_needed",
            hint="give it from a file (@FILE), or name an environment variable in its "
            "place: ${env:NAME}",
        )

    def ready_runtime(
        self, name: str | None, flow: str | Path | None = None
    ) -> Runtime:
        """Return the named runtime, the current one, or a session made for this.

        Phases are shown when something has to be started. A session for ``flow`` has
        what the flow brings along.
        """
        runtimes = self.workspace.runtimes
        if name is None and flow is not None:
            return runtimes.ensure_for(flow, on_phase=self.progress.phase)
        if name is None:
            return runtimes.ensure(on_phase=self.progress.phase)
        runtime = runtimes.get(name)
        if runtime.state == "stopped":
            runtime.start(on_phase=self.progress.phase)
        return runtime

    def named_runtime(self, name: str | None) -> Runtime:
        """Return the named runtime or the current one, as it is.

        Raises
        ------
        UsageError
            None is named and none is in use.
        """
        runtimes = self.workspace.runtimes
        if name is not None:
            return runtimes.get(name)
        current = runtimes.current()
        if current is None:
            use = self.spell("runtime", "use NAME")
            raise UsageError(
                "no runtime is named and none is in use",
                code="missing_argument",
                hint=f"name one, or choose it for good: {use}",
            )
        return current

    def flow(self, flow: str, given: Mapping[str, Any] | None = None) -> str | Path:
        """Return what the workspace knows a flow by: a cell's folder, or the words."""
        folder = self.cells.folder(flow, given)
        self.runs_cells = folder is not None
        return folder or flow


def _default_workspace() -> Workspace:
    import pf_jupyter

    workspace: Workspace = pf_jupyter.connect()
    return workspace
