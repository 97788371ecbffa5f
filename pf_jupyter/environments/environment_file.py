"""Reading one ``environment.yaml`` as Azure writes it, and a few keys of our own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pf_jupyter.environments.conda import CondaFile, CondaPart, read_conda
from pf_jupyter.environments.dockerfile import base_images
from pf_jupyter.environments.model import (
    DEFAULT_BASE,
    BuildContext,
    EnvironmentDefinition,
)
from pf_jupyter.environments.requirements import Requirements, read_requirements
from pf_jupyter.flow.document import Document, read_document
from pf_jupyter.flow.fields import Fields, describe, unknown_keys
from pf_jupyter.flow.reader import Collector

REQUIREMENTS_FILE = "requirements.txt"

_KEYS = (
    "$schema",
    "name",
    "version",
    "description",
    "tags",
    "properties",
    "image",
    "build",
    "conda_file",
    "os_type",
    "inference_config",
    "environment_variables",
    "python_requirements_txt",
)
_ROUTES = ("liveness_route", "readiness_route", "scoring_route")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IMAGE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._:/-]*(?::[A-Za-z0-9_][A-Za-z0-9._-]*)?"
    r"(?:@sha256:[0-9a-f]{64})?"
)


class EnvironmentFile:
    """The reading of one ``environment.yaml``."""

    def __init__(self, path: Path, document: Document) -> None:
        self.path, self.folder = path, path.parent
        self.document = document
        self.files = [path]
        raw = document.value
        self.raw: dict[Any, Any] = raw if isinstance(raw, dict) else {}
        self.report = Collector(path.name, document.positions, raw)
        self.report.problems += document.problems
        if not isinstance(raw, dict) and not document.problems:
            what = describe(raw)
            self.report.problem(
                "wrong_type", (), f"an environment must be a mapping, {what} is not"
            )
        self.fields = Fields(self.raw, (), "environment", self.report)

    def definition(self) -> EnvironmentDefinition:
        """Return what the file says."""
        unknown_keys(self.raw, _KEYS, (), self.report)
        name = self._name()
        base = self._base()
        conda = self._conda()
        found = self._requirements(base)
        items = (*found.items, *conda.requirements.items)
        self._system()
        return EnvironmentDefinition(
            name,
            self.fields.label("version") or None,
            self.fields.label("description"),
            {key: str(item) for key, item in self.fields.mapping("tags").items()},
            base,
            items,
            (*found.constraints, *conda.requirements.constraints),
            (*found.options, *conda.requirements.options),
            conda.part if "conda_file" in self.raw else None,
            conda.part.python,
            {**(conda.variables or {}), **self._variables()},
            self._inference(),
            self.folder,
            tuple(dict.fromkeys([*self.files, *found.files])),
            (*self.report.problems, *found.problems),
            (*self.report.warnings, *found.warnings),
        )

    def _system(self) -> None:
        system = self.fields.text("os_type")
        if system is not None and system.lower() != "linux":
            self.report.problem(
                "os_type", ("os_type",), f"runtimes are Linux, not {system}"
            )

    def _name(self) -> str:
        name = self.fields.label("name") or self.path.resolve().parent.name
        if not _NAME.fullmatch(name):
            self.report.problem(
                "environment_name",
                ("name",),
                f"'{name}' cannot name an environment",
                "use letters, digits, '.', '_' and '-'",
            )
        return name

    def _base(self) -> str | BuildContext:
        image = self.fields.text("image")
        if "image" in self.raw and "build" in self.raw:
            self.report.problem(
                "image_and_build",
                ("build",),
                "an environment has either 'image' or 'build', not both",
                "name the image in the Dockerfile's FROM line, and take 'image' out",
                at_key=True,
            )
        if "build" in self.raw:
            return self._build()
        if image is None:
            return DEFAULT_BASE
        if not _IMAGE.fullmatch(image):
            self.report.problem(
                "image_reference",
                ("image",),
                f"'{image}' is not the reference of an image",
                "write it as registry/name:tag, or name@sha256:…",
            )
        return image

    def _build(self) -> BuildContext:
        raw = self.fields.mapping("build")
        fields = Fields(raw, ("build",), "build", self.report)
        unknown_keys(raw, ("path", "dockerfile_path"), ("build",), self.report)
        folder = self.folder / (fields.text("path") or ".")
        name = fields.text("dockerfile_path") or "Dockerfile"
        file = folder / name
        if not folder.is_dir():
            self.report.problem(
                "build_path",
                ("build", "path"),
                f"there is no folder {fields.text('path')}",
                f"it is relative to {self.path.name}",
            )
        elif not file.is_file():
            self.report.problem(
                "dockerfile_missing",
                ("build", "dockerfile_path"),
                f"there is no {name} in {fields.text('path') or 'the folder'}",
                "it is relative to the build's path",
            )
        elif not file.resolve().is_relative_to(folder.resolve()):
            self.report.problem(
                "dockerfile_outside",
                ("build", "dockerfile_path"),
                f"{name} is outside of the build's path",
            )
        else:
            images, problems = base_images(file, name)
            self.report.problems += problems
            self.files.append(file)
            return BuildContext(folder, Path(name).as_posix(), images)
        return BuildContext(folder, Path(name).as_posix())

    def _conda(self) -> CondaFile:
        value = self.raw.get("conda_file")
        if value is None:
            return CondaFile(CondaPart(""))
        if isinstance(value, dict):
            place = self.document.positions.value
            where = ("conda_file",)
            name = self.path.name
            return read_conda(value, name, self.folder, where, place, self.report)
        name = self.fields.text("conda_file") or ""
        file = self.folder / name
        if not file.is_file():
            if name:
                self.report.problem(
                    "conda_missing", ("conda_file",), f"there is no file {name}"
                )
            return CondaFile(CondaPart(name))
        self.files.append(file)
        document = read_document(file.read_bytes(), name)
        inner = Collector(name, document.positions, document.value)
        inner.problems += document.problems
        found = CondaFile(CondaPart(name))
        if document.value is not None:
            place = document.positions.value
            found = read_conda(document.value, name, file.parent, (), place, inner)
        self.report.problems += inner.problems
        self.report.warnings += inner.warnings
        return found

    def _requirements(self, base: str | BuildContext) -> Requirements:
        named = self.fields.text("python_requirements_txt")
        folder = base.folder if isinstance(base, BuildContext) else self.folder
        file = folder / (named or REQUIREMENTS_FILE)
        if file.is_file():
            return read_requirements(file, top=self.folder)
        if named:
            self.report.problem(
                "requirements_missing",
                ("python_requirements_txt",),
                f"there is no file {named}",
            )
        return Requirements()

    def _variables(self) -> dict[str, str]:
        found = {}
        for name, value in self.fields.mapping("environment_variables").items():
            where = ("environment_variables", name)
            if not _VARIABLE.fullmatch(name):
                self.report.problem(
                    "variable_name",
                    where,
                    f"'{name}' cannot name a variable",
                    "use letters, digits and '_'",
                    at_key=True,
                )
            elif isinstance(value, dict | list):
                self.report.problem(
                    "wrong_type",
                    where,
                    f"'{name}' must be text, {describe(value)} is not",
                    "put it in quotes",
                )
            else:
                found[name] = "" if value is None else str(value)
        return found

    def _inference(self) -> dict[str, Any]:
        raw = self.fields.mapping("inference_config")
        path = ("inference_config",)
        unknown_keys(raw, _ROUTES, path, self.report)
        fields = Fields(raw, path, "inference_config", self.report)
        for name in _ROUTES:
            route = fields.mapping(name)
            port = route.get("port")
            if port is not None and not (
                isinstance(port, int) and not isinstance(port, bool)
            ):
                self.report.problem(
                    "wrong_type",
                    (*path, name, "port"),
                    f"{name}: 'port' must be a number, {describe(port)} is not",
                    "write it without quotes",
                )
            Fields(route, (*path, name), name, self.report).text("path")
        return raw
