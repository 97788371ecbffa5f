"""The Python that packages are for: the runtime's, not this machine's."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# what uv knows as platforms of glibc, newest last
_GLIBC = (
    *("2_17", "2_28", "2_31", "2_32", "2_33", "2_34", "2_35", "2_36", "2_37", "2_38"),
    *("2_39", "2_40"),
)
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "AMD64": "x86_64"}


@dataclass(frozen=True)
class Installed:
    """A distribution that is installed: name, version, what it needs, where it is."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    location: str = ""


@dataclass(frozen=True)
class Target:
    """An interpreter and what it has.

    Parameters
    ----------
    executable, base
        Its path, and the path of the one under its virtual environment, if it is in
        one.
    version, implementation, magic
        ``3.11.7``, ``cpython``, and the form of its byte code in hex.
    system, machine, libc
        ``linux``, ``x86_64``, ``("glibc", "2.36")``.
    sites
        Folders that it finds packages in.
    installed
        The distributions in them.
    """

    executable: str
    base: str
    version: str
    implementation: str = "cpython"
    magic: str = ""
    system: str = "linux"
    machine: str = "x86_64"
    libc: tuple[str, str] = ("", "")
    virtual: bool = False
    sites: tuple[str, ...] = ()
    installed: tuple[Installed, ...] = ()

    @property
    def minor(self) -> str:
        """Major and minor version, such as ``3.11``."""
        return ".".join(self.version.split(".")[:2])

    @property
    def platform(self) -> str:
        """What uv calls the platform; empty when it is to find out by itself."""
        if self.system != "linux":
            return ""
        machine = _MACHINES.get(self.machine, self.machine)
        if self.libc[0] != "glibc":
            return f"{machine}-unknown-linux-musl"
        known = [name for name in _GLIBC if _numbers(name) <= _numbers(self.libc[1])]
        return f"{machine}-manylinux_{known[-1] if known else _GLIBC[0]}"

    @property
    def compiled_here(self) -> bool:
        """Whether this process writes the byte code that it reads."""
        return self.magic == importlib.util.MAGIC_NUMBER.hex()

    def versions(self) -> dict[str, str]:
        """Return the version of each installed distribution."""
        return {item.name: item.version for item in self.installed}

    def facts(self) -> dict[str, object]:
        """Return what decides whether a layer fits."""
        return {
            "python": self.version,
            "implementation": self.implementation,
            "platform": [self.system, self.machine, *self.libc],
            "base": self.base,
            "sites": self.sites if self.virtual else (),
        }


def read_target(answer: Mapping[str, Any]) -> Target:
    """Return what a worker says of its interpreter.

    Parameters
    ----------
    answer
        The answer to ``layers.examine``.
    """
    python = answer["python"]
    return Target(
        executable=python["executable"],
        base=python["base"],
        version=python["version"],
        implementation=python["implementation"],
        magic=python["magic"],
        system=python["system"],
        machine=python["machine"],
        libc=(python["libc"][0], python["libc"][1]),
        virtual=python["virtual"],
        sites=tuple(python["sites"]),
        installed=read_installed(answer["installed"]),
    )


def read_installed(items: Sequence[Mapping[str, Any]]) -> tuple[Installed, ...]:
    """Return the distributions of a worker's answer."""
    return tuple(
        Installed(
            item["name"], item["version"], tuple(item["requires"]), item["location"]
        )
        for item in items
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))
