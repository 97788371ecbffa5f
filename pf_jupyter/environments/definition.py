"""What an environment is to hold, read from the files that people write.

One model for both ways in: layers (:mod:`pf_jupyter.environments.layers`) and published
images. It is read from ``environment.yaml`` and ``image_build/`` folders as Azure uses
them, unchanged, and from a ``requirements.txt`` or a conda file alone.
"""

from __future__ import annotations

from pathlib import Path

from pf_jupyter.environments.conda import read_conda
from pf_jupyter.environments.dockerfile import base_images
from pf_jupyter.environments.environment_file import (
    REQUIREMENTS_FILE,
    EnvironmentFile,
)
from pf_jupyter.environments.model import (
    DEFAULT_BASE,
    BuildContext,
    EnvironmentDefinition,
)
from pf_jupyter.environments.requirements import Requirements, read_requirements
from pf_jupyter.errors import NotFound
from pf_jupyter.flow.document import Document, read_document
from pf_jupyter.flow.reader import Collector

__all__ = [
    "DEFAULT_BASE",
    "BuildContext",
    "EnvironmentDefinition",
    "read_definition",
]

ENVIRONMENT_FILES = (
    "environment.yaml",
    "environment.yml",
    "environment_build.yaml",
    "environment_build.yml",
)
"""Names under which a folder's definition is looked for, the first one wins."""
CONDA_FILES = ("conda.yaml", "conda.yml", "conda_dependencies.yml")


def read_definition(path: str | Path) -> EnvironmentDefinition:
    """Read a definition from a file or a folder.

    Parameters
    ----------
    path
        ``environment.yaml`` or a folder that holds one; else a folder with a
        Dockerfile, a ``requirements.txt`` or a conda file, or one of these itself.

    Returns
    -------
    EnvironmentDefinition
        Never raises for what the files hold: see ``problems``.

    Raises
    ------
    NotFound
        There is nothing at ``path``, or nothing that defines an environment.
    """
    where = Path(path).expanduser()
    if where.is_dir():
        return _read_folder(where)
    if not where.is_file():
        raise NotFound(
            f"there is no environment at {path}",
            code="environment_missing",
            hint="name a folder with an environment.yaml, or such a file",
        )
    if where.suffix == ".txt":
        return _of_requirements(where.parent, read_requirements(where))
    if where.name.lower().endswith("dockerfile"):
        return _of_dockerfile(where.parent, where.name)
    document = read_document(where.read_bytes(), where.name)
    raw = document.value
    if isinstance(raw, dict) and "dependencies" in raw and "conda_file" not in raw:
        return _of_conda(where, document)
    return EnvironmentFile(where, document).definition()


def _read_folder(folder: Path) -> EnvironmentDefinition:
    for name in (*ENVIRONMENT_FILES, *CONDA_FILES):
        if (folder / name).is_file():
            if name in ENVIRONMENT_FILES or not (folder / "Dockerfile").is_file():
                return read_definition(folder / name)
            break
    if (folder / "Dockerfile").is_file():
        return _of_dockerfile(folder, "Dockerfile")
    if (folder / REQUIREMENTS_FILE).is_file():
        return read_definition(folder / REQUIREMENTS_FILE)
    raise NotFound(
        f"nothing in {folder} defines an environment",
        code="environment_missing",
        hint="it needs an environment.yaml, a Dockerfile or a requirements.txt; "
        "%pfenv init writes them",
    )


def _of_requirements(folder: Path, found: Requirements) -> EnvironmentDefinition:
    return EnvironmentDefinition(
        folder.resolve().name,
        requirements=found.items,
        constraints=found.constraints,
        options=found.options,
        folder=folder,
        files=found.files,
        problems=found.problems,
        warnings=found.warnings,
    )


def _of_dockerfile(folder: Path, name: str) -> EnvironmentDefinition:
    images, problems = base_images(folder / name, name)
    found = Requirements()
    if (folder / REQUIREMENTS_FILE).is_file():
        found = read_requirements(folder / REQUIREMENTS_FILE)
    return EnvironmentDefinition(
        folder.resolve().name,
        base=BuildContext(folder, name, images),
        requirements=found.items,
        constraints=found.constraints,
        options=found.options,
        folder=folder,
        files=(folder / name, *found.files),
        problems=(*problems, *found.problems),
        warnings=found.warnings,
    )


def _of_conda(path: Path, document: Document) -> EnvironmentDefinition:
    report = Collector(path.name, document.positions)
    conda = read_conda(
        document.value, path.name, path.parent, (), document.positions.value, report
    )
    return EnvironmentDefinition(
        conda.name or path.resolve().parent.name,
        requirements=conda.requirements.items,
        constraints=conda.requirements.constraints,
        options=conda.requirements.options,
        conda=conda.part,
        python=conda.part.python,
        environment_variables=conda.variables or {},
        folder=path.parent,
        files=(path, *conda.requirements.files),
        problems=(*document.problems, *report.problems),
        warnings=tuple(report.warnings),
    )
