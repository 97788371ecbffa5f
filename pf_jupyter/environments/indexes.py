"""Where packages come from, with the logins that are filled in at the last moment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from pf_jupyter.environments.requirements import Requirement, Requirements
from pf_jupyter.errors import UsageError

PRIVATE = "PF_JUPYTER_INDEX_LOGIN"
"""What stands for ``{private}`` in the address of an index: ``user:token``, say."""

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_PRIVATE = re.compile(r"\{private\}")


@dataclass(frozen=True)
class Filled:
    """Requirements with their variables filled in; never shown or kept.

    Parameters
    ----------
    requirements
        Ready for uv.
    variables
        Environment variables for it.
    secrets
        What was filled in, to keep it out of messages.
    """

    requirements: Requirements = field(repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def lines(self) -> list[str]:
        """Return the options as lines of a requirements file."""
        return [
            f"{name} {value}".strip()
            for name, value in self.requirements.options
            if name not in ("--pre", "--trusted-host")
        ]


def fill(
    requirements: Requirements, environment: Mapping[str, str] = os.environ
) -> Filled:
    """Fill in ``${NAME}`` and ``{private}``.

    Raises
    ------
    UsageError
        One of the variables is not set.
    """
    secrets: dict[str, None] = {}

    def value(name: str, where: str) -> str:
        found = environment.get(name)
        if not found:
            raise UsageError(
                f"{where} needs the variable {name}, which is not set",
                code="index_variable",
                hint=f"set {name} where Jupyter runs; it is used for the "
                "installation and kept nowhere",
            )
        secrets[found] = None
        return found

    def filled(text: str, where: str) -> str:
        text = _PRIVATE.sub(lambda match: value(PRIVATE, where), text)
        return _VARIABLE.sub(lambda match: value(match[1], where), text)

    options = tuple(
        (name, filled(text, "the index")) for name, text in requirements.options
    )
    items = tuple(
        _with_text(item, filled(item.text, item.file or item.name))
        for item in requirements.items
    )
    for _, text in options:
        parts = urlsplit(text)
        secrets |= dict.fromkeys(
            part for part in (parts.password, parts.username) if part and len(part) > 3
        )
    variables: dict[str, str] = {}
    hosts = [text for name, text in options if name == "--trusted-host"]
    if hosts:
        variables["UV_INSECURE_HOST"] = " ".join(hosts)
    if any(name == "--pre" for name, _ in options):
        variables["UV_PRERELEASE"] = "allow"
    return Filled(
        replace(requirements, items=items, options=options), variables, tuple(secrets)
    )


def _with_text(item: Requirement, text: str) -> Requirement:
    return item if text == item.text else replace(item, text=text)
