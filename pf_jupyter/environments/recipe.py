"""What is sent to an engine for an environment: a Dockerfile and the files it needs.

A Dockerfile of the user's is sent as it stands, but for the names that stand for our
base. Requirements without one are installed by uv in a stage of their own, so that
neither uv nor a login for an index is in the image.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pf_jupyter.environments import corporate
from pf_jupyter.environments.bases import Base
from pf_jupyter.environments.context import Context
from pf_jupyter.environments.model import BuildContext, EnvironmentDefinition
from pf_jupyter.environments.requirements import Requirement

GENERATED = "Dockerfile"
_RECIPE = 1
_MATERIAL = ".pf_jupyter"
_VENV = "/opt/pf-environment"
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")
_FROM = re.compile(r"^(\s*FROM\s+(?:--\S+\s+)*)(\S+)", re.IGNORECASE)
_TOKEN = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")


@dataclass(frozen=True)
class Recipe:
    """What is built.

    Parameters
    ----------
    folder
        The context.
    dockerfile, text
        Its Dockerfile's path and what is sent under it.
    files
        (POSIX path in the context, path here).
    labels
        Of the image.
    key
        ``sha256:…`` over all that decides what comes out.
    """

    folder: Path
    dockerfile: str
    text: str
    files: Sequence[tuple[str, Path]]
    labels: Mapping[str, str]
    key: str


def of_dockerfile(
    definition: EnvironmentDefinition,
    build: BuildContext,
    context: Context,
    bases: Mapping[str, Base],
) -> Recipe:
    """Return the recipe for a folder with a Dockerfile.

    Parameters
    ----------
    definition
        The environment.
    build, context
        Its folder, looked through.
    bases
        What each image that it names came to.
    """
    files = list(context.files)
    text = replace_bases(build.path.read_text(encoding="utf-8-sig"), bases)
    bundle = corporate.own_authorities()
    if bundle is not None and not all(base.ours for base in bases.values()):
        text = _trusting(text, bases)
        files.append((corporate.BUNDLE_IN_CONTEXT, bundle))
    text = "\n".join([text.rstrip("\n"), *_variables(definition)]) + "\n"
    return Recipe(
        folder=build.folder,
        dockerfile=build.dockerfile,
        text=text,
        files=files,
        labels={},
        key=_key(text, context.digest(), bases.values(), bundle),
    )


def of_requirements(
    definition: EnvironmentDefinition, base: Base, folder: Path, uv: Path | None
) -> Recipe:
    """Return the recipe for requirements on a base.

    Parameters
    ----------
    definition
        The environment.
    base
        What it is built on.
    folder
        An empty folder; what is to be installed is described there.
    uv
        A uv that runs in the image; the image's own pip is used without one.
    """
    files: list[tuple[str, Path]] = []
    bundle = None if base.ours else corporate.own_authorities()
    written = folder / "requirements.txt"
    lines = _requirement_lines(definition, files)
    written.write_text("\n".join(lines) + "\n", encoding="utf-8")
    written.chmod(0o600)
    files.append((f"{_MATERIAL}/requirements.txt", written))
    if definition.constraints:
        limits = folder / "constraints.txt"
        texts = [_filled(one.text) for one in definition.constraints]
        limits.write_text("\n".join(texts) + "\n", encoding="utf-8")
        files.append((f"{_MATERIAL}/constraints.txt", limits))
    labels = {}
    # no variable of the base may hide what is trusted: it is given anew
    text = [f"FROM {base.image} AS installing", "USER root"]
    trusting: list[str] = []
    if bundle is not None:
        files.append((corporate.BUNDLE_IN_CONTEXT, bundle))
        trusting = corporate.trusting_lines()
    text += trusting
    if definition.requirements:
        text.append(f"COPY {_MATERIAL} /{_MATERIAL}")
        if uv is not None:
            files.append((f"{_MATERIAL}/uv", uv))
        text += _installing(uv is not None)
    text += [f"FROM {base.image}", *trusting]
    if definition.requirements:
        text += [
            f"COPY --from=installing {_VENV} {_VENV}",
            f"ENV PATH={_VENV}/bin:$PATH VIRTUAL_ENV={_VENV}",
        ]
        labels["pf_jupyter.python"] = f"{_VENV}/bin/python3"
    text += _variables(definition)
    whole = "\n".join(text) + "\n"
    content = Context(folder, [item for item in files if item[1] != uv], 0).digest()
    return Recipe(
        folder=folder,
        dockerfile=GENERATED,
        text=whole,
        files=files,
        labels=labels,
        key=_key(whole, content, [base], bundle),
    )


def replace_bases(text: str, bases: Mapping[str, Base]) -> str:
    """Return a Dockerfile whose FROM lines name the images that stand for ours."""
    variables: dict[str, str] = {}
    lines, seen = [], False
    for line in text.split("\n"):
        words = line.split(None, 1)
        if len(words) == 2 and words[0].upper() == "ARG" and not seen:
            key, _, value = words[1].partition("=")
            variables[key.strip()] = value.strip().strip("\"'")
        found = _FROM.match(line)
        if found is not None:
            seen = True
            name = _VARIABLE.sub(
                lambda match: variables.get(match[1] or match[3]) or match[2] or "",
                found[2],
            )
            if name in bases and bases[name].image != name:
                line = f"{found[1]}{bases[name].image}{line[found.end() :]}"
        lines.append(line)
    return "\n".join(lines)


def _trusting(text: str, bases: Mapping[str, Base]) -> str:
    """Put the bundle into the stages that begin with an image that is not ours."""
    foreign = {base.image for base in bases.values() if not base.ours}
    lines: list[str] = []
    for line in text.split("\n"):
        lines.append(line)
        found = _FROM.match(line)
        if found is not None and not line.rstrip().endswith("\\"):
            named = found[2] in foreign or "$" in found[2]
            lines += corporate.trusting_lines() if named else []
    return "\n".join(lines)


def _installing(with_uv: bool) -> list[str]:
    requirements = f"/{_MATERIAL}/requirements.txt"
    python = f"{_VENV}/bin/python3"
    # its own copy of nothing: what the base has stays visible, and links to its Python
    make = f"python3 -m venv --system-site-packages --without-pip {_VENV}"
    if not with_uv:
        install = f"{python} -m pip install --no-cache-dir -r {requirements}"
    else:
        install = (
            f"/{_MATERIAL}/uv pip install --no-config --no-cache --compile-bytecode "
            f"--link-mode copy --python {python} -r {requirements}"
        )
    clean = f"rm -f {_VENV}/.gitignore {_VENV}/.lock"
    return [f"RUN {make} && {install} && {clean}"]


def _requirement_lines(
    definition: EnvironmentDefinition, files: list[tuple[str, Path]]
) -> list[str]:
    lines = []
    for name, value in definition.options:
        if name == "--find-links" and Path(value).is_dir():
            at = f"{_MATERIAL}/links-{len(files)}"
            found = sorted(Path(value).iterdir())
            files += [(f"{at}/{one.name}", one) for one in found if one.is_file()]
            value = f"/{at}"
        lines.append(f"{name} {_filled(value)}".rstrip())
    lines += [_line(one, files) for one in definition.requirements]
    if definition.constraints:
        # constraints of pip and uv stand in a file of their own
        lines.append(f"-c /{_MATERIAL}/constraints.txt")
    return lines


def _line(one: Requirement, files: list[tuple[str, Path]]) -> str:
    hashes = "".join(f" --hash={text}" for text in one.hashes)
    if one.path is None:
        return _filled(one.text) + hashes
    extras = re.search(r"(\[[^\]]*\])$", one.text)
    at = f"{_MATERIAL}/local-{len(files)}/{one.path.name}"
    if one.path.is_dir():
        for top, folders, names in os.walk(one.path):
            folders[:] = sorted(f for f in folders if f not in (".git", "__pycache__"))
            for name in sorted(names):
                path = Path(top, name)
                files.append((f"{at}/{path.relative_to(one.path).as_posix()}", path))
    else:
        files.append((at, one.path))
    return f"/{at}{extras[1] if extras else ''}{hashes}"


def _filled(text: str) -> str:
    """Fill in ``${NAME}`` from the environment, as pip does."""
    return _TOKEN.sub(lambda match: os.environ.get(match[1]) or match[0], text)


def _variables(definition: EnvironmentDefinition) -> list[str]:
    return [
        f"ENV {name}={_quoted(value)}"
        for name, value in definition.environment_variables.items()
    ]


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return '"' + escaped.replace("\n", " ") + '"'


def _key(text: str, content: str, bases: Iterable[Base], bundle: Path | None) -> str:
    digests = [base.digest for base in bases]
    trusted = hashlib.sha256(bundle.read_bytes()).hexdigest() if bundle else ""
    facts = json.dumps([_RECIPE, text, content, digests, trusted])
    return "sha256:" + hashlib.sha256(facts.encode()).hexdigest()
