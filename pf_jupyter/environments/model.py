"""The model of an environment's definition; see `definition` for how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pf_jupyter.environments.conda import CondaPart
from pf_jupyter.environments.requirements import Requirement
from pf_jupyter.errors import EnvironmentInvalid
from pf_jupyter.flow.problems import Problem

DEFAULT_BASE = "default"


@dataclass(frozen=True)
class BuildContext:
    """A folder with a Dockerfile.

    Parameters
    ----------
    folder
        What is sent to the engine.
    dockerfile
        POSIX path of the Dockerfile in it.
    base_images
        What its FROM lines name, in their order, earlier stages left out.
    """

    folder: Path
    dockerfile: str = "Dockerfile"
    base_images: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Full path of the Dockerfile."""
        return self.folder / self.dockerfile


@dataclass(frozen=True)
class EnvironmentDefinition:
    """What an environment is to hold.

    Parameters
    ----------
    name
        Its name; the folder's when the file gives none.
    version
        None when the next free one is wanted.
    description, tags
        For people; the only parts that can change later.
    base
        An image reference, ``default``, or a build context.
    requirements, constraints
        What is installed on the base. With a build context they are for the record:
        its Dockerfile installs them (see `installed_by_dockerfile`).
    options
        Index options under pip's long names, in their order. They may hold logins:
        never shown or recorded.
    conda
        What a conda file says, and what of it is honoured.
    python
        Version of Python that is asked for; empty for the base's own.
    environment_variables
        Variables of the runtime. No secrets: they show in images.
    inference_config
        Routes of endpoints, as Azure writes them.
    folder
        Where the definition is, what its paths are relative to.
    files
        Every file that was read, for cache keys.
    problems, warnings
        What is wrong. A definition with problems must not be used: `checked`.
    """

    name: str
    version: str | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    base: str | BuildContext = DEFAULT_BASE
    requirements: tuple[Requirement, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    conda: CondaPart | None = None
    python: str = ""
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    inference_config: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()
    files: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def installed_by_dockerfile(self) -> bool:
        """Tell whether the Dockerfile of a build context installs the requirements."""
        return isinstance(self.base, BuildContext)

    def checked(self) -> EnvironmentDefinition:
        """Return this definition.

        Raises
        ------
        EnvironmentInvalid
            It has problems; all of them are in it.
        """
        if self.problems:
            count = len(self.problems)
            raise EnvironmentInvalid(
                f"{self.name or 'the environment'} has {count} "
                f"problem{'' if count == 1 else 's'}",
                problems=[problem.to_dict() for problem in self.problems],
            )
        return self
