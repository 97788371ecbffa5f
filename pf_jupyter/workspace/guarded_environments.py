"""The environments that one person may see, each verb behind its right.

What is published is everybody's who works in the workspace; what was only built is its
owner's.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..access.roles import Thing
from .api import Environment
from .sight import seen_environments

if TYPE_CHECKING:
    from .guarded import GuardedWorkspace

ENVIRONMENT_RIGHTS = {
    **dict.fromkeys(("list", "names", "get", "diff", "check"), "environment.list"),
    **dict.fromkeys(("init", "build", "publish", "import_"), "environment.create"),
    **dict.fromkeys(
        ("describe", "withdraw", "archive", "restore"), "environment.update"
    ),
    "export": "environment.use",
}
_ABOUT_ONE = ("get", "check", "describe", "withdraw", "archive", "restore", "export")


class GuardedEnvironments:
    """The environments of a workspace, each verb behind its right.

    Parameters
    ----------
    workspace
        The person's.
    """

    def __init__(self, workspace: GuardedWorkspace) -> None:
        self._workspace = workspace

    def list(self, *, archived: bool = False) -> builtins.list[Environment]:
        """Return all versions that this person may see."""
        names = seen_environments(self._workspace)
        found = self._inner.list(archived=archived)
        seen = self._workspace.runtimes.names()
        return [_told(one, seen) for one in found if one.name in names]

    def names(self) -> Sequence[str]:
        """Return what ``--env`` may be; no engine waits."""
        names = seen_environments(self._workspace)
        return [
            reference
            for reference in self._inner.names()
            if reference.partition(":")[0] in names
        ]

    def diff(self, before: str, after: str) -> Any:
        """Return what differs between two versions (NotFound)."""
        for reference in (before, after):
            self._thing(reference)
        return self._inner.diff(before, after)

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        right = ENVIRONMENT_RIGHTS.get(verb)
        if right is None:
            raise AttributeError(verb)
        inner = getattr(self._inner, verb)

        def call(*given: Any, **options: Any) -> Any:
            thing = Thing("environment")
            if verb in _ABOUT_ONE:
                thing = self._thing(str(given[0]))
            with self._workspace.may(right, thing):
                result = inner(*given, **options)
            if isinstance(result, Environment):
                return _told(result, self._workspace.runtimes.names())
            return result

        return call

    def _thing(self, reference: str) -> Thing:
        from ..environments.versions import parse_reference

        name = parse_reference(reference).name
        return self._workspace.thing("environment", name)

    @property
    def _inner(self) -> Any:
        return self._workspace.inner.environments


def _told(one: Environment, seen: Sequence[str]) -> Environment:
    """Return a version that names only runtimes which the person sees."""
    return replace(one, used_by=tuple(name for name in one.used_by if name in seen))
