"""Whether a version of an environment is still what it was, and safe to use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from ..engines.api import Engine
from ..environments.advisories import find_advisories
from ..environments.audit import Audit, asks, audit
from ..environments.bases import is_ours
from ..environments.build import Builder
from ..environments.contract import try_image
from ..environments.told import PYTHON_LABEL
from ..errors import NotFound, PfError, Unreachable
from ..runtimes.model import CheckResult
from .environment_api import Environment

_MOST_ADVISORIES = 20


def examine(
    environment: Environment, builder: Builder, advisories: str | Path | None
) -> list[CheckResult]:
    """Return the checks of a version, one line each.

    Parameters
    ----------
    environment
        The version.
    builder
        Has the engine, and tries the image.
    advisories
        A database of vulnerabilities, or None.

    Raises
    ------
    UsageError
        The database cannot be read.
    """
    found = list(_image(environment, builder))
    if not environment.curated:
        found += _registries(environment, builder)
        found += _base(environment, builder)
    found += vulnerabilities(environment, advisories)
    return found


def _image(environment: Environment, builder: Builder) -> Iterator[CheckResult]:
    here = builder.engine.image(environment.image) if environment.image else None
    if here is None:
        hint = "a runtime that is made of it fetches it from its registry"
        if environment.curated:
            hint = "the first runtime makes it"
        elif not environment.registries:
            hint = "build and publish it again, or %pfenv import it"
        status: Literal["warn", "fail"] = (
            "warn" if environment.curated or environment.registries else "fail"
        )
        yield CheckResult("image", status, "it is not on this engine", hint)
        return
    if not environment.curated and here.id != environment.digest:
        yield CheckResult(
            "image",
            "fail",
            f"{environment.image} is {here.id[7:19]} by now, "
            f"{environment.digest[7:19]} was published",
            "somebody gave the name to another image: docker rmi it, then import",
        )
        return
    yield CheckResult("image", "pass", f"{environment.image}, digest equal")
    trial = try_image(builder.trials, environment.image, opener=builder.opener)
    for check in trial.checks:
        yield CheckResult(check.name, check.status, check.message, check.hint)


def _registries(environment: Environment, builder: Builder) -> Iterator[CheckResult]:
    if not environment.registries:
        yield CheckResult(
            "registry",
            "warn",
            "it is in no registry: this engine has the only one",
            f"%pfenv publish {environment.name} --registry HOST/PATH",
        )
    for reference, digest in environment.registries.items():
        try:
            there = builder.engine.registry_digest(
                reference, login=builder.logins(reference)
            )
        except NotFound as error:
            yield CheckResult("registry", "fail", error.message, "publish it again")
            continue
        except PfError as error:
            message = f"could not be asked: {error.message}"
            yield CheckResult("registry", "warn", message, error.hint)
            continue
        same = there == digest
        yield CheckResult(
            "registry",
            "pass" if same else "fail",
            f"{reference} @ {there[7:19]}"
            + ("" if same else f", {digest[7:19]} was published"),
            "" if same else "somebody pushed another image under this name",
        )


def _base(environment: Environment, builder: Builder) -> Iterator[CheckResult]:
    if not environment.base:
        return
    try:
        now = _base_digest(builder.engine, builder, environment)
    except PfError as error:
        message = f"{environment.base} could not be looked up: {error.message}"
        yield CheckResult("base", "warn", message, error.hint)
        return
    if now is None or now == environment.base_digest:
        text = f"{environment.base}, " + ("the newest" if now else "made elsewhere")
        yield CheckResult("base", "pass", text)
        return
    yield CheckResult(
        "base",
        "warn",
        f"{environment.base} is {now[7:19]} by now, this stands on "
        f"{environment.base_digest[7:19]}",
        f"%pfenv publish {environment.name} builds it on the new one",
    )


def _base_digest(
    engine: Engine, builder: Builder, environment: Environment
) -> str | None:
    base, python = environment.base, environment.python.rpartition(".")[0]
    if is_ours(base):
        found = [
            one
            for one in engine.images({"pf_jupyter.environment": "default"})
            # a base with another Python is no newer one
            if one.labels.get(PYTHON_LABEL, "").rpartition(".")[0] in ("", python)
        ]
        newest = max(found, key=lambda one: str(one.created_at), default=None)
        return newest.id if newest is not None else None
    here = engine.image(base)
    if here is None or not here.registry_digests:
        return here.id if here is not None else None
    there = engine.registry_digest(base, login=builder.logins(base))
    known = any(one.endswith(f"@{there}") for one in here.registry_digests)
    return here.id if known else there


def vulnerabilities(
    environment: Environment, advisories: str | Path | None
) -> Iterator[CheckResult]:
    """Yield what a database knows of a version's packages, and of which it does not.

    Parameters
    ----------
    environment
        The version.
    advisories
        As for `Environments.check`.

    Raises
    ------
    UsageError
        The database is a file that cannot be read.
    """
    if advisories is None:
        yield CheckResult(
            "vulnerabilities",
            "warn",
            "not looked for: no database was named",
            "--advisories FILE takes OSV records: a file, a folder or a zip archive; "
            "--advisories pip-audit asks the public database",
        )
        return
    packages = {one.name: one.version for one in environment.packages}
    try:
        if asks(str(advisories)):
            url = str(advisories) if "://" in str(advisories) else ""
            answer = audit(packages, url=url)
        else:
            place = Path(advisories).expanduser()
            answer = Audit(find_advisories(place, packages))
    except Unreachable as error:
        text = f"not looked for: {error.message}"
        yield CheckResult("vulnerabilities", "warn", text, error.hint)
        return
    found, skipped = answer.found, answer.skipped
    looked = len(packages) - len(skipped)
    if skipped:
        # silence about a package is no good news of it
        first = next(iter(skipped.items()))
        yield CheckResult(
            "vulnerabilities",
            "warn",
            f"not looked for: {len(skipped)} of {len(packages)} packages, such as "
            f"{first[0]}: {first[1]}",
            "name another database for these: --advisories FILE takes OSV records",
        )
    if not found and looked:
        text = f"none known for {looked} package{'' if looked == 1 else 's'}"
        yield CheckResult("vulnerabilities", "pass", text)
    for one in found[:_MOST_ADVISORIES]:
        hint = f"ask for {one.package}>={one.fixed[-1]}" if one.fixed else ""
        yield CheckResult("vulnerabilities", "fail", str(one), hint)
    if len(found) > _MOST_ADVISORIES:
        more = f"{len(found) - _MOST_ADVISORIES} more"
        yield CheckResult("vulnerabilities", "fail", more)
