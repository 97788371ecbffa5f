"""Names of runtimes, and the labels by which a new process finds their instances."""

from __future__ import annotations

import functools
import getpass
import hashlib
import platform
import re
from contextvars import ContextVar

from ..engines.api import LABEL, Engine
from ..errors import UsageError
from ..store.records import RuntimeRecord

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

RUNTIME = f"{LABEL}.runtime"
ID = f"{LABEL}.id"
OWNER = f"{LABEL}.owner"
WORKSPACE = f"{LABEL}.workspace"
DIGEST = f"{LABEL}.digest"
SERVER = f"{LABEL}.server"


def check_name(name: str) -> str:
    """Return a runtime's name when it can be one.

    Raises
    ------
    UsageError
        The name is not 1 to 63 characters of a-z, 0-9, ``-`` and ``_``, beginning with
        a letter or digit (code ``bad_name``).
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    text = str(name)
    better = re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:63]
    hint = "1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit"
    if better and better != text:
        hint = f"did you mean {better!r}? {hint}"
    raise UsageError(f"{text!r} cannot be a runtime's name", code="bad_name", hint=hint)


acting: ContextVar[str | None] = ContextVar("acting", default=None)
"""For whom this process works just now; None means for its own user."""


def user() -> str:
    """Return whose the things are that are made now: who is worked for, else ours."""
    return acting.get() or process_user()


@functools.cache
def process_user() -> str:
    """Return the name of the user whose process this is."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"  # a container's user without an entry, say


def labels(record: RuntimeRecord, workspace: str) -> dict[str, str]:
    """Return the labels of a runtime's instance.

    Parameters
    ----------
    record
        The runtime.
    workspace
        Identity of the store that remembers it.
    """
    return {
        RUNTIME: record.name,
        ID: record.id,
        OWNER: record.owner,
        WORKSPACE: workspace,
        DIGEST: record.environment_digest,
        SERVER: platform.node(),
    }


def volume(record: RuntimeRecord) -> str:
    """Return the name of the volume with the layers of a runtime.

    The runtimes of one owner share it: a layer is known by what is in it. A shared
    runtime has one of its own, for all who are in it see it.
    """
    if record.kind == "shared" or record.seat_of:
        return f"pf_jupyter-layers-{record.seat_of or record.id}"
    return f"pf_jupyter-layers-{_own(record.owner)}"


def network(record: RuntimeRecord) -> str:
    """Return the name of the network that a runtime's instance is in.

    People who work through somebody else's process, a team's server, have a network
    each: what listens in a container is no neighbour's. It is empty, for the engine's
    usual one, for whose process this is: they have the engine anyway.
    """
    return "" if record.owner == process_user() else f"pf_jupyter-{_own(record.owner)}"


def _own(owner: str) -> str:
    """Return what stands for an owner in names on an engine, another one for each."""
    plain = re.sub(r"[^a-z0-9_.-]+", "-", owner.lower()).strip("-._") or "unknown"
    if plain == owner:
        return plain
    return f"{plain}-{hashlib.sha256(owner.encode()).hexdigest()[:8]}"


def layer_folders(record: RuntimeRecord, engine: Engine) -> list[str]:
    """Return where a runtime sees its layers, the uppermost first."""
    top = engine.layer_folder(volume(record)) if record.layers else ""
    return [f"{top}/{name}" for name in record.layer_names]


def instance_name(record: RuntimeRecord) -> str:
    """Return a name for the instance, unique even among several workspaces."""
    return f"{record.name}-{record.id[:8]}"
