"""Conda files: what of them is honoured, said for each line.

There is no conda here. The version of Python and the ``pip`` part are honoured, and so
are the variables; packages that only conda could install are named in a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pf_jupyter.environments.requirement_text import logical_lines
from pf_jupyter.environments.requirements import (
    Requirement,
    Requirements,
    parse_requirements,
)
from pf_jupyter.flow.fields import Fields, KeyPath, Report

Place = Callable[[KeyPath], tuple[int, int]]
_BY_PIP = ("pip", "setuptools", "wheel")


@dataclass(frozen=True)
class CondaPart:
    """What a conda file says.

    Parameters
    ----------
    file
        Its name.
    python
        Version of Python that it asks for, such as ``3.10``; empty when it does not.
    honoured
        One sentence for each part that is taken over.
    ignored
        One sentence for each part that is not.
    """

    file: str
    python: str = ""
    honoured: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class CondaFile:
    """A conda file read: its part of a definition, and what goes elsewhere in it."""

    part: CondaPart
    name: str = ""
    requirements: Requirements = field(default_factory=Requirements)
    variables: dict[str, str] | None = None


def read_conda(
    value: Any, file: str, folder: Path, path: KeyPath, place: Place, report: Report
) -> CondaFile:
    """Read the contents of a conda file.

    Parameters
    ----------
    value
        The document, or the mapping that stands for it in ``environment.yaml``.
    file
        Name of the file it stands in.
    folder
        What paths in it are relative to.
    path
        Where in the file it stands.
    place
        Line and column of a path.
    report
        Told of what is wrong.
    """
    if not isinstance(value, dict):
        report.problem("wrong_type", path, "a conda file must be a mapping")
        return CondaFile(CondaPart(file))
    fields = Fields(value, path, "conda file", report)
    python, honoured, ignored = "", [], []
    pip = Requirements()
    for index, item in enumerate(fields.sequence("dependencies")):
        here = (*path, "dependencies", index)
        if isinstance(item, dict) and set(item) == {"pip"}:
            pip = _pip_part(item["pip"], file, folder, (*here, "pip"), place, report)
            honoured.append(f"pip: {len(pip.items)} requirements are installed")
            continue
        if not isinstance(item, str):
            report.problem(
                "wrong_type",
                here,
                "a dependency must be text, or a list under 'pip:'",
                "write '- pip:' and the requirements below it",
            )
            continue
        name, version = _split(item)
        if name == "python":
            python = version
            honoured.append(f"python {version or '(any)'}")
        elif name in _BY_PIP:
            honoured.append(f"{name}: not needed, requirements are installed with uv")
        else:
            ignored.append(f"{item}: only conda could install it")
            wanted = f"{name}=={version}" if version else name
            report.warning(
                "conda_package",
                here,
                f"the conda package '{item}' is not installed: there is no conda here",
                f"if it is on the package index too, write '{wanted}' under 'pip:'",
            )
    if fields.sequence("channels"):
        ignored.append("channels: they are conda's")
    variables = {key: str(item) for key, item in fields.mapping("variables").items()}
    if variables:
        honoured.append(f"variables: {len(variables)} are set")
    part = CondaPart(file, python, tuple(honoured), tuple(ignored))
    return CondaFile(part, fields.label("name"), pip, variables)


def _split(item: str) -> tuple[str, str]:
    """Split ``channel::name=1.2=build`` into name and version."""
    plain = item.split("::")[-1].strip()
    found = re.match(r"([A-Za-z0-9._-]+)\s*(?:[=<>!~ ]+\s*([0-9][^=,;\s]*))?", plain)
    if found is None:
        return plain.lower(), ""
    return found[1].lower(), (found[2] or "").rstrip(".*")


def _pip_part(
    value: Any,
    file: str,
    folder: Path,
    path: KeyPath,
    place: Place,
    report: Report,
) -> Requirements:
    if not isinstance(value, list):
        report.problem("wrong_type", path, "'pip' must be a list of requirements")
        return Requirements()
    items: list[Requirement] = []
    found = Requirements()
    for index, text in enumerate(value):
        here = (*path, index)
        if not isinstance(text, str):
            report.problem(
                "wrong_type", here, "a requirement must be text", "put it in quotes"
            )
            continue
        # comments are YAML's; what is left is one line of a requirements file
        lines = [line for _, _, line in logical_lines(text)]
        part = parse_requirements(lines, folder)
        line, column = place(here)
        for problem in part.problems:
            report.problem(problem.code, here, problem.message, problem.hint)
        for warning in part.warnings:
            report.warning(warning.code, here, warning.message, warning.hint)
        items += [
            Requirement(
                item.text, item.name, file, line, column, item.path, item.hashes
            )
            for item in part.items
        ]
        found = Requirements(
            (),
            found.constraints + part.constraints,
            found.options + part.options,
            found.files + part.files,
        )
    return Requirements(tuple(items), found.constraints, found.options, found.files)
