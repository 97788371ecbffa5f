"""What the server does with environments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import Refused, UsageError
from ...workspace.api import Environment
from ...workspace.remote_wire import check_to_json
from ...workspace.serving import (
    PIP_AUDIT,
    definition_files,
    known_definition,
    require,
    starter_files,
)
from .. import models
from ..paths import below_root
from ..taken import taken
from ..verb import Ask, verb
from .runtimes import on_phase

Definition = (
    models.KnownEnvironment | models.FileHere | models.FilePath | models.FileUpload
)


def _version(found: Environment) -> models.VersionAnswer:
    return models.VersionAnswer.model_validate(found.to_dict())


def _reference(ask: Ask) -> str:
    return ask.path["reference"]


def _source(ask: Ask, given: Definition) -> str | Path:
    require(ask.workspace, "environment.create")
    if isinstance(given, models.KnownEnvironment):
        return known_definition(ask.workspace, given.environment)
    return taken(ask, given, definition_files)


@verb("environments.list", query=models.Archived, answer=models.EnvironmentsAnswer)
def _list(ask: Ask) -> Any:
    found = ask.workspace.environments.list(archived=ask.query.archived)
    return models.EnvironmentsAnswer(environments=[_version(one) for one in found])


@verb("environments.names", answer=models.NamesAnswer)
def _names(ask: Ask) -> Any:
    return models.NamesAnswer(names=list(ask.workspace.environments.names()))


@verb("environments.init", body=models.StartEnvironment, answer=models.StarterAnswer)
def _init(ask: Ask) -> Any:
    body: models.StartEnvironment = ask.body
    if body.folder is None:
        files = starter_files(body.name, body.base)
        return models.StarterAnswer(name=body.name, files=files, folder=None)
    if ask.served.team:
        raise Refused(
            "this server shows no files",
            code="no_files",
            hint="leave the folder out, and write the files where you are",
        )
    to = below_root(ask.served.root(), body.folder)
    written = ask.workspace.environments.init(body.name, to=to, base=body.base)
    files = {
        path.relative_to(written).as_posix(): path.read_text(encoding="utf-8")
        for name in starter_files(body.name, body.base)
        for path in (written / name,)
    }
    return models.StarterAnswer(name=body.name, files=files, folder=body.folder)


def _build(ask: Ask) -> Any:
    body: models.BuildEnvironment = ask.body
    built = ask.workspace.environments.build(
        _source(ask, body.source),
        python=body.python,
        fresh=body.fresh,
        compute=body.compute,
        context_limit=body.context_limit,
        connection=body.connection,
        on_phase=on_phase(ask),
    )
    return models.BuildAnswer.model_validate(built.to_dict())


def _publish(ask: Ask) -> Any:
    body: models.PublishEnvironment = ask.body
    made = ask.workspace.environments.publish(
        _source(ask, body.source),
        version=body.version,
        registry=body.registry,
        description=body.description,
        tags=body.tags,
        notes=body.notes,
        compute=body.compute,
        connection=body.connection,
        on_phase=on_phase(ask),
    )
    return _version(made)


def _import(ask: Ask) -> Any:
    body: models.ImportEnvironment = ask.body
    if (body.file is None) == (body.registry is None):
        raise UsageError(
            "name a file or a reference in a registry, one of them",
            code="bad_value",
            hint="file, or registry: HOST:PORT/PATH/NAME:VERSION",
        )
    source = body.registry if body.file is None else taken(ask, body.file)
    assert source is not None
    made = ask.workspace.environments.import_(
        source,
        name=body.name,
        compute=body.compute,
        connection=body.connection,
        on_phase=on_phase(ask),
    )
    return _version(made)


# Making an image once more gives the same one: what was cut off is simply done again.
verb(
    "environments.build",
    body=models.BuildEnvironment,
    answer=models.BuildAnswer,
    resume=lambda ask, run_id: _build(ask),
    keeps_body=True,
)(_build)
verb(
    "environments.publish",
    body=models.PublishEnvironment,
    answer=models.VersionAnswer,
    resume=lambda ask, run_id: _publish(ask),
    keeps_body=True,
)(_publish)
verb(
    "environments.import",
    body=models.ImportEnvironment,
    answer=models.VersionAnswer,
)(_import)


@verb("environments.show", answer=models.VersionAnswer)
def _show(ask: Ask) -> Any:
    return _version(ask.workspace.environments.get(_reference(ask)))


@verb("environments.packages", answer=models.VersionPackages)
def _packages(ask: Ask) -> Any:
    found = ask.workspace.environments.get(_reference(ask))
    packages = [package.to_dict() for package in found.packages]
    return models.VersionPackages.model_validate(
        {"name": found.name, "version": found.version, "packages": packages}
    )


@verb("environments.logs", answer=models.LinesAnswer)
def _logs(ask: Ask) -> Any:
    found = ask.workspace.environments.get(_reference(ask))
    return models.LinesAnswer(lines=list(found.log))


@verb("environments.diff", query=models.Other, answer=models.DiffAnswer)
def _diff(ask: Ask) -> Any:
    found = ask.workspace.environments.diff(_reference(ask), ask.query.other)
    return models.DiffAnswer.model_validate(found.to_dict())


@verb("environments.check", body=models.CheckEnvironment, answer=models.ChecksAnswer)
def _check(ask: Ask) -> Any:
    body: models.CheckEnvironment = ask.body
    environments = ask.workspace.environments
    reference = _reference(ask)
    environments.get(reference)
    place: str | Path | None = PIP_AUDIT if body.audit else None
    if body.advisories is not None:
        place = taken(ask, body.advisories)
    ask.long.tell("checking", {})
    found = environments.check(reference, advisories=place, connection=body.connection)
    checks = [check_to_json(check) for check in found]
    return models.ChecksAnswer.model_validate({"checks": checks})


@verb(
    "environments.update", body=models.DescribeEnvironment, answer=models.VersionAnswer
)
def _update(ask: Ask) -> Any:
    body: models.DescribeEnvironment = ask.body
    changed = ask.workspace.environments.describe(
        _reference(ask), description=body.description, tags=body.tags
    )
    return _version(changed)


@verb("environments.archive", body=models.Nothing, answer=models.VersionsAnswer)
def _archive(ask: Ask) -> Any:
    found = ask.workspace.environments.archive(_reference(ask))
    return models.VersionsAnswer(versions=list(found))


@verb("environments.restore", body=models.Nothing, answer=models.VersionsAnswer)
def _restore(ask: Ask) -> Any:
    found = ask.workspace.environments.restore(_reference(ask))
    return models.VersionsAnswer(versions=list(found))


@verb("environments.export", body=models.Nothing, answer=models.MadeFile)
def _export(ask: Ask) -> Any:
    files = ask.served.files
    place = files.workplace()
    try:
        made = ask.workspace.environments.export(
            _reference(ask), place, on_phase=on_phase(ask)
        )
        name = made.name
        digest, size = files.add(ask.principal, made)
    finally:
        files.discard(place)
    return models.MadeFile(digest=digest, size=size, name=name)
