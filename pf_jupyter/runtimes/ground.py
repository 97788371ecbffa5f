"""What a runtime stands on: an environment's version, and layers over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..environments.layers import digest_of
from ..store.records import RuntimeRecord


@dataclass(frozen=True)
class Ground:
    """What a runtime is to stand on.

    Parameters
    ----------
    name, version, digest, image, python
        Of the environment.
    layers
        Exactly these over it; None resolves those of the runtime anew.
    packages
        Version of each distribution that must be found then; None where any will do.
    """

    name: str
    version: str
    digest: str
    image: str
    python: str = ""
    layers: list[dict[str, Any]] | None = None
    packages: Mapping[str, str] | None = None

    def told(self) -> dict[str, Any]:
        """Return it as updates and rehearsals tell it."""
        return {
            "name": self.name,
            "version": self.version,
            "digest": digest_of(self.digest, self.layers or ()),
            "python": self.python,
        }

    def kept(self, packages: Mapping[str, str], kept_at: str) -> dict[str, Any]:
        """Return it for a record, to be gone back to.

        Parameters
        ----------
        packages
            What is installed.
        kept_at
            When it was left.
        """
        return {
            "name": self.name,
            "version": self.version,
            "digest": self.digest,
            "image": self.image,
            "python": self.python,
            "layers": self.layers or [],
            "packages": dict(packages),
            "kept_at": kept_at,
        }


def ground_of(record: RuntimeRecord) -> Ground:
    """Return what a runtime stands on."""
    return Ground(
        name=record.environment_name,
        version=record.environment_version,
        digest=record.base_digest or record.environment_digest,
        image=record.image,
        python=record.python,
        layers=list(record.layers or ()),
    )


def ground_before(record: RuntimeRecord) -> Ground | None:
    """Return what a runtime stood on before its last update, or None."""
    kept = record.previous
    if not kept:
        return None
    return Ground(
        name=kept["name"],
        version=kept["version"],
        digest=kept["digest"],
        image=kept["image"],
        python=kept["python"],
        layers=list(kept["layers"]),
        packages=dict(kept["packages"]),
    )
