"""What is installed in a container, held against what asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from pf_jupyter.environments.requirements import Requirement


def _markers(seen: Mapping[str, Any]) -> dict[str, str]:
    version = str(seen["python"])
    return {
        **{key: str(value) for key, value in default_environment().items()},
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": str(seen["machine"]),
        "python_version": ".".join(version.split(".")[:2]),
        "python_full_version": version,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }


def applies(one: Requirement, seen: Mapping[str, Any]) -> bool:
    """Tell whether a requirement is one for the Python that was looked at."""
    if one.path is not None:
        return True
    try:
        marker = Parsed(one.text).marker
    except InvalidRequirement:
        return True
    return marker is None or marker.evaluate(_markers(seen))


def specifier_of(one: Requirement) -> Any:
    """Return the versions that a requirement allows, None for a file or URL."""
    if one.path is not None:
        return None
    try:
        return Parsed(one.text).specifier
    except InvalidRequirement:
        return None


def conflicts(seen: Mapping[str, Any]) -> list[str]:
    """Return what an installed package asks for and does not get."""
    packages, markers = seen["packages"], {**_markers(seen), "extra": ""}
    found = []
    for item in packages.values():
        for text in item["requires"]:
            try:
                wanted = Parsed(text)
            except InvalidRequirement:
                continue
            if wanted.marker is not None and not wanted.marker.evaluate(markers):
                continue
            there = packages.get(canonicalize_name(wanted.name))
            asks = f"{item['name']} {item['version']} asks for {wanted.name}"
            if there is None:
                found.append(f"{asks}, which is not installed")
            elif not wanted.specifier.contains(there["version"], prereleases=True):
                found.append(
                    f"{asks}{wanted.specifier}, {there['version']} is installed"
                )
    return found
