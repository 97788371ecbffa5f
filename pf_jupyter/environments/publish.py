"""Sending an image to a registry under its version: both sides hold the same then."""

from __future__ import annotations

from pf_jupyter.engines.api import Engine, Login
from pf_jupyter.environments.build import slug
from pf_jupyter.environments.steps import Steps
from pf_jupyter.errors import (
    AlreadyExists,
    NotFound,
    Refused,
    RuntimeFailed,
    UsageError,
)


def registry_reference(registry: str, name: str, version: str) -> str:
    """Return how a version is called in a registry.

    >>> registry_reference("127.0.0.1:5000/team/", "my-env", "3")
    '127.0.0.1:5000/team/my-env:3'

    Raises
    ------
    UsageError
        ``registry`` names none.
    """
    place = registry.removeprefix("https://").removeprefix("http://").strip("/")
    host = place.split("/", 1)[0]
    if not place or not (("." in host) or (":" in host) or host == "localhost"):
        raise UsageError(
            f"'{registry}' does not name a registry",
            code="bad_registry",
            hint="write host:port/path, such as localhost:5000/team",
        )
    if place != place.lower() or "@" in place or " " in place:
        raise UsageError(
            f"'{registry.rpartition('@')[2]}' cannot be a place in a registry",
            code="bad_registry",
            hint="small letters, no login: that comes from docker login, or a "
            "connection",
        )
    return f"{place}/{slug(name)}:{version}"


def send(
    engine: Engine, image: str, reference: str, login: Login | None, steps: Steps
) -> str:
    """Push an image and return its digest in the registry.

    Parameters
    ----------
    engine
        That has the image.
    image
        Its reference there.
    reference
        What it is to be called in the registry; once there it never changes.
    login
        What the registry is told; docker's own when None.
    steps
        Told of the phases.

    Raises
    ------
    EnvironmentFailed
        It is not there, or not the same.
    AlreadyExists
        There is another image under that name.
    """
    with steps.phase("push") as step:
        there = _digest_there(engine, reference, login)
        local = engine.image(image)
        if there is not None:
            known = local.registry_digests if local is not None else ()
            repository = reference.rpartition(":")[0]
            if f"{repository}@{there}" in known:
                step.detail = f"{reference}, already there"
                return there
            raise AlreadyExists(
                f"{reference} is there already, with another content",
                code="version_taken",
                hint="versions never change: publish it as another one with --version",
            )
        engine.tag(image, reference)
        try:
            digest = engine.push(reference, step.progress, login=login)
            verified = engine.registry_digest(reference, login=login)
        except BaseException:
            engine.remove_image(reference)
            raise
        if verified != digest:
            engine.remove_image(reference)
            raise RuntimeFailed(
                f"the registry holds {verified[7:19]}, {digest[7:19]} was sent",
                phase="push",
                code="digest_differs",
                hint="publish again; somebody else pushed at the same time, maybe",
            )
        step.detail = f"{reference} @ {digest[7:19]}"
    return digest


def _digest_there(engine: Engine, reference: str, login: Login | None) -> str | None:
    """Return the digest that a registry has under a name, None when it has none."""
    try:
        return engine.registry_digest(reference, login=login) or None
    except (NotFound, Refused):
        # some refuse to speak of what is not there; the push finds out
        return None
