from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from pf_jupyter.kernel import extension
from pf_jupyter.kernel.session import Session


def _load_double() -> ModuleType:
    """Load it with its neighbours: its folder is a package under another name here."""
    name = "pf_jupyter_tests_commands"
    folder = Path(__file__).parents[1] / "commands"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{name}.double")


double = _load_double()


@dataclass
class Cell:
    """What running a cell gave."""

    value: Any
    error: BaseException | None
    shown: list[str]


@dataclass
class Notebook:
    """An IPython shell with the extension, a double behind it."""

    shell: InteractiveShell
    session: Session
    workspace: Any
    capture: Callable[[], str]
    errors: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def run(self, code: str) -> Cell:
        """Run a cell, which may fail."""
        self.errors.clear()
        result = self.shell.run_cell(code, store_history=True)
        self.shown = self.capture().splitlines()
        return Cell(result.result, result.error_in_exec, list(self.errors))

    def complete(self, text: str) -> list[str]:
        """Return what TAB offers at the end of a cell, as whole texts."""
        completer = self.shell.Completer
        assert completer is not None
        from IPython.core.completer import provisionalcompleter

        with provisionalcompleter():
            found = list(completer.completions(text, len(text)))
        return [text[: c.start] + c.text for c in found]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[InteractiveShell]:
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(ipython_dir=str(tmp_path / "ipython"))
    shell.history_manager.enabled = False  # type: ignore[union-attr]
    shell.colors = "nocolor"
    assert shell.Completer is not None
    shell.Completer.use_jedi = False
    yield shell
    extension.unload(shell)
    shell.restore_sys_module_state()
    if shell.history_manager is not None:
        shell.history_manager.end_session()
    InteractiveShell.clear_instance()


@pytest.fixture
def notebook(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Notebook:
    workspace = double.DoubleWorkspace()
    session = extension.load(shell, lambda: workspace)
    notebook = Notebook(shell, session, workspace, lambda: capsys.readouterr().out)

    def keep(etype: Any, value: Any, lines: list[str]) -> None:
        del etype, value
        notebook.errors.extend(lines)

    shell._showtraceback = keep  # type: ignore[method-assign, assignment]
    return notebook
