"""Networks of people that are kept apart: made when needed, removed when empty."""

from __future__ import annotations

import contextlib
from typing import Any

from pf_jupyter.engines.api import LABEL
from pf_jupyter.errors import RuntimeFailed

_OURS = f"{LABEL}.network"
_OWN_WAYS = {"bridge", "default", "host", "none"}


def keep(client: Any, name: str) -> None:
    """Make a network unless it is there.

    Parameters
    ----------
    client
        docker-py's.
    name
        Its name; empty for the engine's usual one, which is always there.

    Raises
    ------
    RuntimeFailed
        The engine has no addresses left for one (code ``no_network_left``).
    """
    if not name or _found(client, name):
        return
    try:
        # without the check there may be two of one name
        client.create_network(
            name, driver="bridge", check_duplicate=True, labels={_OURS: name}
        )
    except Exception as error:
        if _found(client, name):
            return  # somebody else was quicker
        if "address pool" not in str(error):
            raise
        raise RuntimeFailed(
            "the Docker engine has no addresses left for another network, which each "
            "person has for their own containers",
            phase="create",
            code="no_network_left",
            hint="docker network prune removes unused ones; default-address-pools in "
            "the engine's daemon.json makes room for more",
        ) from error


def rejoin(client: Any, instance: str) -> bool:
    """Bring back the network of an instance that was removed while it was stopped.

    Returns
    -------
    Whether that was what it lacked.
    """
    name = _name(client, instance)
    if name in _OWN_WAYS or _found(client, name):
        return False
    keep(client, name)
    client.connect_container_to_network(instance, name)
    return True


def of(client: Any, instance: str) -> str:
    """Return the network of ours that an instance is in; empty for any other."""
    with contextlib.suppress(Exception):  # it is gone, and so is what it was in
        name = _name(client, instance)
        return name if name not in _OWN_WAYS and _found(client, name) else ""
    return ""


def leave(client: Any, name: str) -> None:
    """Remove a network of ours that no instance is in any more, running or not."""
    if not name or client.containers(all=True, filters={"network": name}):
        return
    with contextlib.suppress(Exception):  # one that begins just now has it
        client.remove_network(name)


def _name(client: Any, instance: str) -> str:
    host = client.inspect_container(instance).get("HostConfig") or {}
    return str(host.get("NetworkMode") or "default")


def _found(client: Any, name: str) -> bool:
    # the engine's filter finds parts of names as well
    known = client.networks(names=[name], filters={"label": f"{_OURS}={name}"})
    return any(one.get("Name") == name for one in known)
