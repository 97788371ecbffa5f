"""Names and numbers of environments: ``my-env``, ``my-env:3``, ``my-env@latest``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pf_jupyter.errors import UsageError

LATEST = "latest"
_REFERENCE = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,254})"
    r"(?:[:@](?P<version>[A-Za-z0-9_][A-Za-z0-9._-]{0,63}))?"
)
_VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Reference:
    """An environment as people name it; ``version`` None means the newest."""

    name: str
    version: str | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.version}" if self.version else self.name


def parse_reference(text: str) -> Reference:
    """Read ``name``, ``name:version`` or ``name@latest``.

    Raises
    ------
    UsageError
        It is none of these.
    """
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise UsageError(
            f"'{text}' does not name an environment",
            code="bad_name",
            hint="write name, name:version or name@latest",
        )
    version = found["version"]
    return Reference(found["name"], None if version == LATEST else version)


def check_version(version: str) -> str:
    """Return a version when one can be called that.

    Raises
    ------
    UsageError
        It cannot.
    """
    if version == LATEST or not _VERSION.fullmatch(version):
        raise UsageError(
            f"'{version}' cannot be a version",
            code="bad_value",
            hint="letters, digits, '.', '_' and '-'; latest means the newest one",
        )
    return version


def next_version(versions: Iterable[str]) -> str:
    """Return the number after the highest one.

    >>> next_version(["1", "2023-06-30", "4"])
    '5'
    """
    numbers = [int(version) for version in versions if version.isdigit()]
    return str(max(numbers, default=0) + 1)
