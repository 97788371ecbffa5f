"""Reading requirements files: every requirement and option with its place.

The grammar is pip's. What a requirements file says is kept as written; variables such
as ``${TOKEN}`` are filled in only when the requirements are resolved, so that no secret
gets into a definition, a record or a lock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from pf_jupyter.environments.requirement_text import (
    URL,
    local_path,
    logical_lines,
    name_of_file,
    syntax_hint,
    without_login,
)
from pf_jupyter.flow.fields import did_you_mean
from pf_jupyter.flow.problems import Problem
from pf_jupyter.flow.yaml_errors import decode

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 10
OWN_PACKAGES = ("promptflow", "promptflow-tools", "promptflow-core")
"""Packages that the runtime itself answers for: a pin of them is flagged."""

_SHORT = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-i": "--index-url",
    "--pypi-url": "--index-url",
    "-f": "--find-links",
    "-e": "--editable",
}
_VALUED = {
    "--requirement",
    "--constraint",
    "--index-url",
    "--extra-index-url",
    "--find-links",
    "--editable",
    "--trusted-host",
    "--no-binary",
    "--only-binary",
}
_FLAGS = {"--no-index", "--pre", "--require-hashes"}
_IGNORED = {"--prefer-binary", "--use-feature", "--process-dependency-links"}
_ITEM_OPTION = re.compile(r"\s--(?:hash|config-settings|global-option)\b.*$")


@dataclass(frozen=True)
class Requirement:
    """One requirement as written.

    Parameters
    ----------
    text
        For a resolver: a specifier, a URL, or the absolute path of a local file.
    name
        Normalised name of the distribution; empty when only building it would tell.
    file, line, column
        Where it stands; counted from 1, 0 when it was given by hand.
    path
        The local wheel, archive or project folder that it names.
    hashes
        The ``--hash=…`` options that followed it.
    """

    text: str = field(repr=False)
    name: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    path: Path | None = None
    hashes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return without_login(self.text)

    __repr__ = __str__


@dataclass(frozen=True)
class Requirements:
    """What a requirements file says, together with the files that it refers to.

    Parameters
    ----------
    items
        The requirements in their order.
    constraints
        What ``-c`` files say.
    options
        Index options in their order under their long names, such as
        ``("--index-url", "https://…")``; a flag has an empty value.
    files
        Every file that was read.
    """

    items: tuple[Requirement, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    files: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def read_requirements(path: Path, *, top: Path | None = None) -> Requirements:
    """Read a requirements file.

    Parameters
    ----------
    path
        The file.
    top
        Folder that names in problems are relative to; the file's own when None.

    Returns
    -------
    Requirements
        Never raises for what the file holds: see ``problems``.
    """
    reader = _Reader(top or path.parent)
    reader.read(path, constraint=False, asked_by=None)
    return reader.result()


def parse_requirements(texts: list[str], folder: Path) -> Requirements:
    """Read requirements that somebody typed; paths are relative to ``folder``."""
    reader = _Reader(folder)
    for text in texts:
        reader.line(text.strip(), _Place("", 0, 1), folder, constraint=False)
    return reader.result()


def join(first: Requirements, second: Requirements) -> Requirements:
    """Return what both ask for."""
    return Requirements(
        first.items + second.items,
        first.constraints + second.constraints,
        first.options + second.options,
        first.files + second.files,
        first.problems + second.problems,
        first.warnings + second.warnings,
    )


@dataclass(frozen=True)
class _Place:
    file: str
    line: int
    column: int


class _Reader:
    def __init__(self, top: Path) -> None:
        self._top = top
        self._items: list[Requirement] = []
        self._constraints: list[Requirement] = []
        self._options: list[tuple[str, str]] = []
        self._files: list[Path] = []
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._open: list[Path] = []

    def result(self) -> Requirements:
        return Requirements(
            tuple(self._items),
            tuple(self._constraints),
            tuple(self._options),
            tuple(self._files),
            tuple(self._problems),
            tuple(self._warnings),
        )

    def read(self, path: Path, *, constraint: bool, asked_by: _Place | None) -> None:
        name = self._name(path)
        place = asked_by or _Place(name, 0, 0)
        if path.resolve() in self._open or len(self._open) >= MAX_DEPTH:
            self._problem("requirements_loop", f"{name} refers to itself", place)
            return
        try:
            if path.stat().st_size > MAX_BYTES:
                self._problem("file_too_large", f"{name} is over 1 MB", place)
                return
            data = path.read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            self._problem(
                "requirements_missing",
                f"{name} cannot be read: {reason}",
                place,
                "paths are relative to the file that names them",
            )
            return
        text = decode(data, name)
        if isinstance(text, Problem):
            self._problems.append(text)
            return
        self._files.append(path)
        self._open.append(path.resolve())
        for number, column, line in logical_lines(text):
            here = _Place(name, number, column)
            self.line(line, here, path.parent, constraint=constraint)
        self._open.pop()

    def line(self, text: str, place: _Place, folder: Path, *, constraint: bool) -> None:
        if text.startswith("-"):
            self._option(text, place, folder, constraint=constraint)
            return
        found = self._requirement(text, place, folder)
        if found is None:
            return
        (self._constraints if constraint else self._items).append(found)
        if found.name in OWN_PACKAGES and not constraint:
            self._warnings.append(
                Problem(
                    "own_package",
                    f"{found.name} comes with the runtime; a version of your own may "
                    "not fit it",
                    place.file,
                    place.line,
                    place.column,
                    f"take {found.name} out, unless the flow needs that very version",
                )
            )

    def _option(
        self, text: str, place: _Place, folder: Path, *, constraint: bool
    ) -> None:
        name, _, value = re.sub(
            r"^(\S+?)(?:\s+|=|$)", r"\1\0", text, count=1
        ).partition("\0")
        if not name.startswith("--") and name[:2] in _SHORT and len(name) > 2:
            name, value = name[:2], name[2:] + value
        name, value = _SHORT.get(name, name), value.strip().strip("\"'")
        if name in _FLAGS:
            self._options.append((name, ""))
        elif name in _IGNORED:
            self._warn_ignored(name, place)
        elif name not in _VALUED:
            known = [*_SHORT, *_VALUED, *_FLAGS]
            self._problem(
                "unknown_option",
                f"{name} is not an option of requirements files",
                place,
                did_you_mean(name, known),
            )
        elif not value:
            self._problem("option_value", f"{name} needs a value", place)
        elif name in ("--requirement", "--constraint"):
            is_constraint = constraint or name == "--constraint"
            self.read(folder / value, constraint=is_constraint, asked_by=place)
        elif name == "--editable":
            self._warnings.append(
                Problem(
                    "editable",
                    f"{value} is installed as a copy: what is installed never changes",
                    place.file,
                    place.line,
                    place.column,
                    "install it again after a change",
                )
            )
            self.line(value, place, folder, constraint=constraint)
        else:
            if name == "--find-links" and not URL.match(value):
                value = str((folder / value).resolve())
            self._options.append((name, value))

    def _warn_ignored(self, name: str, place: _Place) -> None:
        self._warnings.append(
            Problem(
                "option_ignored",
                f"{name} changes nothing here",
                place.file,
                place.line,
                place.column,
            )
        )

    def _requirement(
        self, text: str, place: _Place, folder: Path
    ) -> Requirement | None:
        hashes = tuple(re.findall(r"--hash[= ](\S+)", text))
        text = _ITEM_OPTION.sub("", text).strip()
        if text[:1] in "\"'" and text[-1:] == text[:1]:
            text = text[1:-1]
        where = (place.file, place.line, place.column)
        local = local_path(text, folder)
        if local is not None:
            return self._local(local, text, place, hashes)
        if URL.match(text):
            return Requirement(text, name_of_file(text), *where, hashes=hashes)
        try:
            parsed = Parsed(text)
        except InvalidRequirement as error:
            reason = str(error).splitlines()[0].rstrip(".")
            self._problem(
                "requirement_syntax",
                f"'{without_login(text)}' is not a requirement: {reason}",
                place,
                syntax_hint(text),
            )
            return None
        return Requirement(text, canonicalize_name(parsed.name), *where, hashes=hashes)

    def _local(
        self, path: Path, text: str, place: _Place, hashes: tuple[str, ...]
    ) -> Requirement | None:
        if not path.exists():
            self._problem(
                "requirement_missing",
                f"there is no file {without_login(text)}",
                place,
                "paths are relative to the requirements file",
            )
            return None
        extras = re.search(r"(\[[^\]]*\])$", text)
        name = name_of_file(path.name)
        if path.suffix == ".whl" and not name:
            self._problem(
                "wheel_name",
                f"{path.name} is not the name of a wheel",
                place,
                "keep the name that the wheel was built with: "
                "name-version-python-abi-platform.whl",
            )
            return None
        full = str(path.resolve()) + (extras[1] if extras else "")
        where = (place.file, place.line, place.column)
        return Requirement(full, name, *where, path=path.resolve(), hashes=hashes)

    def _name(self, path: Path) -> str:
        try:
            return path.resolve().relative_to(self._top.resolve()).as_posix()
        except ValueError:
            return path.as_posix()

    def _problem(self, code: str, message: str, place: _Place, hint: str = "") -> None:
        self._problems.append(
            Problem(code, message, place.file, place.line, place.column, hint)
        )
