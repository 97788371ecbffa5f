"""The folder that ``%pfenv init`` writes: it builds at once."""

from __future__ import annotations

import re
from pathlib import Path

from pf_jupyter.environments.bases import OWN_BASE
from pf_jupyter.errors import AlreadyExists, UsageError

FOLDER = "image_build"

_ENVIRONMENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json
name: {name}
description: What my flows need
# version: 1            without one it is the next number
tags: {{}}
build:
  path: image_build
  dockerfile_path: Dockerfile
# environment_variables:
#   TOKENIZERS_PARALLELISM: "false"
"""
_DOCKERFILE = """\
# {base} is what `default` is: Python and what the built-in tools need.
# Any other image with Python 3.9 or newer does as well, such as python:3.12-slim.
FROM {image}
COPY . ./
RUN {pip} -r requirements.txt
"""
_REQUIREMENTS = """\
# One a line, in all of pip's forms: name, name==1.2, name>=1,<2, ./wheels/own.whl
# -i https://index.example/simple/   takes another index
"""
_IGNORED = """\
# What is not sent with a build
.git
__pycache__
*.pyc
.venv
*.tar
"""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


def starter(name: str, base: str = "") -> dict[str, str]:
    """Return the files of a new environment by their paths.

    Parameters
    ----------
    name
        Of the environment.
    base
        Image that it stands on; ours when empty.

    Raises
    ------
    UsageError
        The name cannot be one.
    """
    if not _NAME.fullmatch(name) or name == "default":
        raise UsageError(
            f"'{name}' cannot name an environment of yours",
            code="bad_name",
            hint="letters, digits, '.', '_' and '-'; default is ours",
        )
    image = base or OWN_BASE
    pip = "pip install --no-cache-dir"
    return {
        "environment.yaml": _ENVIRONMENT.format(name=name),
        f"{FOLDER}/Dockerfile": _DOCKERFILE.format(base=OWN_BASE, image=image, pip=pip),
        f"{FOLDER}/requirements.txt": _REQUIREMENTS,
        f"{FOLDER}/.dockerignore": _IGNORED,
    }


def write_starter(name: str, to: Path, base: str = "") -> Path:
    """Write the files of a new environment into a folder and return it.

    Parameters
    ----------
    name
        Of the environment.
    to
        The folder; made when it is not there.
    base
        Image that it stands on; ours when empty.

    Raises
    ------
    UsageError
        The name cannot be one, or the folder cannot be written.
    AlreadyExists
        Some of the files are there already.
    """
    files = starter(name, base)
    there = [file for file in files if (to / file).exists()]
    if there:
        raise AlreadyExists(
            f"{', '.join(there)} in {to} is there already",
            hint=f"%pfenv build {to} builds it; or choose another name",
        )
    try:
        for file, text in files.items():
            path = to / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(
            f"{to} cannot be written: {error.strerror or error}",
            code="cannot_write",
            hint="choose another folder with --to",
        ) from error
    return to
