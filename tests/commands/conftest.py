from __future__ import annotations

import io

import pytest

from pf_jupyter.commands.context import Context
from pf_jupyter.commands.terminal import TerminalProgress

from .double import DoubleWorkspace


@pytest.fixture
def workspace() -> DoubleWorkspace:
    return DoubleWorkspace()


@pytest.fixture
def told() -> io.StringIO:
    """What progress has written."""
    return io.StringIO()


@pytest.fixture
def shell(workspace: DoubleWorkspace, told: io.StringIO) -> Context:
    return Context(
        face="shell", progress=TerminalProgress(told), connect=lambda: workspace
    )


@pytest.fixture
def notebook(workspace: DoubleWorkspace, told: io.StringIO) -> Context:
    return Context(
        face="notebook", progress=TerminalProgress(told), connect=lambda: workspace
    )
