"""What is shown of the environment ``default``, without waiting for an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import PfError
from .environment_api import Environment, Package

if TYPE_CHECKING:
    from .core import Core


def shown_default(core: Core) -> Environment:
    """Return ``default`` as it is on the local engine, or as it would be made there.

    Parameters
    ----------
    core
        Of the workspace.
    """
    from ..environments.default import DEFAULT_NAME, DEFAULT_VERSION

    shown = Environment(
        name=DEFAULT_NAME,
        version=DEFAULT_VERSION,
        digest="",
        image="",
        owner="pf_jupyter",
        created_at="",
        description="what the built-in tools need, on this machine's own Python",
        curated=True,
    )
    try:
        found = _newest(core)
    except PfError:
        return shown
    return found or shown


def _newest(core: Core) -> Environment | None:
    from ..environments.default import (
        DEFAULT_NAME,
        DEFAULT_VERSION,
        expected_default,
    )

    _, engine, _, _ = core.life.computes.choose(None)
    labels = {"pf_jupyter.environment": DEFAULT_NAME}
    images = sorted(
        engine.images(labels), key=lambda one: str(one.created_at), reverse=True
    )
    if not images:
        return None
    # some are made for environments with another Python, or are of earlier parts
    expected = expected_default(engine)
    mine = expected.image if expected is not None else ""
    image = next((one for one in images if mine in one.tags), images[0])
    listed = [
        item.partition("==") for item in image.labels["pf_jupyter.packages"].split()
    ]
    return Environment(
        name=DEFAULT_NAME,
        version=DEFAULT_VERSION,
        digest=image.labels.get("pf_jupyter.digest", ""),
        image=image.tags[0] if image.tags else image.id,
        owner="pf_jupyter",
        created_at=image.created_at.isoformat() if image.created_at else "",
        description="what the built-in tools need, on this machine's own Python",
        python=image.labels.get("pf_jupyter.python-version", ""),
        size=image.size,
        packages=tuple(Package(name, version, "base") for name, _, version in listed),
        curated=True,
    )
