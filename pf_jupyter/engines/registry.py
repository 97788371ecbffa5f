"""How a compute becomes an engine: by name, through an entry-point group."""

from __future__ import annotations

import difflib
from importlib import import_module, metadata
from typing import Any, NamedTuple

from pf_jupyter.engines.api import Engine, EngineInfo
from pf_jupyter.errors import NotFound, PfError, RuntimeFailed, UsageError

GROUP = "pf_jupyter.engines"
_BUILT_IN = {
    "docker": "pf_jupyter.engines.docker:DockerEngine",
    "process": "pf_jupyter.engines.process:ProcessEngine",
}


class LocalEngine(NamedTuple):
    """The engine of this machine that answers.

    ``info`` is what it answered; ``docker_problem`` says why it is not Docker, or is
    None when it is.
    """

    engine: Engine
    info: EngineInfo
    docker_problem: PfError | None = None


def engine_names() -> list[str]:
    """Return the names of all engines that are installed."""
    found = {entry.name for entry in metadata.entry_points(group=GROUP)}
    return sorted(found | _BUILT_IN.keys())


def open_engine(name: str, **options: Any) -> Engine:
    """Return an engine; nothing is connected yet.

    Parameters
    ----------
    name
        ``docker``, ``process``, or what another package registers in the entry-point
        group ``pf_jupyter.engines``.
    options
        For its constructor, such as ``address`` for docker and ``home`` for process.

    Raises
    ------
    NotFound
        There is no engine of that name.
    UsageError
        It does not take these options.
    RuntimeFailed
        The package that offers it cannot be imported.
    """
    kind = _load(name)
    try:
        engine: Engine = kind(**options)
    except TypeError as error:
        raise UsageError(
            f"engine '{name}' does not take these options: {error}",
            code="bad_engine_option",
            hint="see the documentation of that engine",
        ) from error
    return engine


def _load(name: str) -> Any:
    # ours come first and without a look at the metadata of every installed package,
    # which also lets them work from a folder that was never installed
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        return getattr(import_module(module), attribute)
    for entry in metadata.entry_points(group=GROUP, name=name):
        try:
            return entry.load()
        except Exception as error:
            raise RuntimeFailed(
                f"engine '{name}' cannot be loaded from {entry.value}: {error}",
                phase="check",
                code="engine_broken",
                hint="update or remove the package that offers it",
            ) from error
    names = engine_names()
    near = difflib.get_close_matches(name, names, 1)
    raise NotFound(
        f"there is no engine '{name}'",
        code="engine_not_found",
        hint=f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}",
    )


def local_engine(home: Any = None) -> LocalEngine:
    """Return Docker when it answers, else the process engine and why.

    Parameters
    ----------
    home
        The workspace's home, for the process engine.
    """
    try:
        docker = open_engine("docker")
        return LocalEngine(docker, docker.ping())
    except PfError as error:
        process = open_engine("process", home=home)
        return LocalEngine(process, process.ping(), error)
