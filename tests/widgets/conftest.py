from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _load_double() -> ModuleType:
    """Load it with its neighbours: its folder is a package under another name here."""
    name = "pf_jupyter_tests_commands"
    folder = Path(__file__).parents[1] / "commands"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{name}.double")


@pytest.fixture
def workspace() -> Any:
    """A workspace in memory: nothing takes any time in it."""
    return _load_double().DoubleWorkspace()
