"""What a Dockerfile says about its bases, read without running anything."""

from __future__ import annotations

import re
from pathlib import Path

from pf_jupyter.flow.fields import did_you_mean
from pf_jupyter.flow.problems import Problem
from pf_jupyter.flow.yaml_errors import decode

_INSTRUCTIONS = (
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")
_HEREDOC = re.compile(r"<<-?[\"']?(\w+)[\"']?")


def base_images(path: Path, name: str) -> tuple[tuple[str, ...], list[Problem]]:
    """Return the images that FROM lines name, and what is wrong with the file.

    Parameters
    ----------
    path
        The Dockerfile.
    name
        Its name for problems.

    Returns
    -------
    tuple
        Images in their order, without ``scratch`` and earlier stages; problems.
    """
    try:
        text = decode(path.read_bytes(), name)
    except OSError as error:
        reason = error.strerror or str(error)
        return (), [Problem("dockerfile_missing", f"it cannot be read: {reason}", name)]
    if isinstance(text, Problem):
        return (), [text]
    images: dict[str, None] = {}
    stages: set[str] = set()
    variables: dict[str, str] = {}
    problems: list[Problem] = []
    seen_from = False
    for number, line in _instructions(text):
        word, _, rest = line.partition(" ")
        upper, rest = word.upper(), rest.strip()
        if upper not in _INSTRUCTIONS:
            problems.append(
                Problem(
                    "dockerfile_instruction",
                    f"'{word}' is not an instruction",
                    name,
                    number,
                    1,
                    did_you_mean(word, _INSTRUCTIONS),
                )
            )
        elif upper == "ARG" and not seen_from:
            key, _, value = rest.partition("=")
            variables[key.strip()] = value.strip().strip("\"'")
        elif upper == "FROM":
            seen_from = True
            words = [item for item in rest.split() if not item.startswith("--")]
            image = _filled(words[0], variables) if words else ""
            if not image:
                problems.append(
                    Problem(
                        "dockerfile_from",
                        "FROM names no image",
                        name,
                        number,
                        1,
                        "give the variable in it a default: ARG NAME=value",
                    )
                )
            elif image.lower() not in stages and image != "scratch":
                images[image] = None
            if len(words) == 3 and words[1].upper() == "AS":
                stages.add(words[2].lower())
        elif not seen_from and upper != "ARG":
            problems.append(
                Problem(
                    "dockerfile_from",
                    f"{upper} stands before the first FROM",
                    name,
                    number,
                    1,
                    "begin with FROM and the image to build on",
                )
            )
            seen_from = True
    if not seen_from:
        problems.append(
            Problem(
                "dockerfile_from",
                "there is no FROM line",
                name,
                1,
                1,
                "begin with FROM and the image to build on",
            )
        )
    return tuple(images), problems


def _filled(text: str, variables: dict[str, str]) -> str:
    return _VARIABLE.sub(
        lambda match: variables.get(match[1] or match[3]) or match[2] or "", text
    )


def _instructions(text: str) -> list[tuple[int, str]]:
    """Return (line, text) of the instructions, their continuations joined."""
    found: list[tuple[int, str]] = []
    held, number, until = "", 0, ""
    for index, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if until:
            until = "" if stripped == until else until
            continue
        if not stripped or stripped.startswith("#"):
            continue
        number = number if held else index
        held += stripped
        if held.endswith("\\"):
            held = held[:-1] + " "
            continue
        found.append((number, held))
        heredoc = _HEREDOC.search(held)
        if heredoc and held.split()[0].upper() in ("RUN", "COPY", "ADD"):
            until = heredoc[1]
        held = ""
    if held.strip():
        found.append((number, held.strip()))
    return found
