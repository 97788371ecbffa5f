"""What the interface has, a server's workspace and a person's have, too: a verb that
is not there would be refused, or done without asking for its right."""

from __future__ import annotations

import pytest

from pf_jupyter.workspace import api
from pf_jupyter.workspace.guarded import (
    GuardedComputes,
    GuardedConnections,
    GuardedRoles,
)
from pf_jupyter.workspace.guarded_environments import ENVIRONMENT_RIGHTS
from pf_jupyter.workspace.guarded_runs import GuardedRuns
from pf_jupyter.workspace.guarded_runtimes import GuardedRuntime, GuardedRuntimes
from pf_jupyter.workspace.remote import (
    RemoteComputes,
    RemoteConnections,
    RemoteRuns,
    RemoteRuntimes,
)
from pf_jupyter.workspace.remote_roles import RemoteRoles
from pf_jupyter.workspace.remote_runtime import RemoteRuntime

# They have an answer of their own that is right everywhere, or are made of verbs that
# ask for their rights.
SAME_EVERYWHERE = {"abatch", "ensure_for", "panel", "prune"}
INTERFACES = {
    api.Runtime: (RemoteRuntime, GuardedRuntime),
    api.Runtimes: (RemoteRuntimes, GuardedRuntimes),
    api.Runs: (RemoteRuns, GuardedRuns),
    api.Computes: (RemoteComputes, GuardedComputes),
    api.Connections: (RemoteConnections, GuardedConnections),
    api.Roles: (RemoteRoles, GuardedRoles),
}


def verbs(kind):
    return {
        name: value
        for name in dir(kind)
        if not name.startswith("_") and callable(value := getattr(kind, name))
    }


@pytest.mark.parametrize("interface", INTERFACES, ids=lambda kind: kind.__name__)
def test_each_verb_of_the_interface_is_there(interface):
    missing = [
        f"{made.__name__}.{name}"
        for made in INTERFACES[interface]
        for name, inherited in verbs(interface).items()
        if getattr(made, name) is inherited and name not in SAME_EVERYWHERE
    ]
    assert not missing


def test_each_verb_of_environments_has_a_right():
    assert set(ENVIRONMENT_RIGHTS) == set(verbs(api.Environments))
