"""A workspace of its own for each test; what it made on an engine goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pf_jupyter import connect
from pf_jupyter.workspace.api import Workspace


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    opened = connect(home)
    yield opened
    for runtime in opened.runtimes.list():
        runtime.delete()
    opened.close()
