"""Computes: certificates go in, and never come out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from .base import Answer, Asked, Name


class ComputeAnswer(Answer):
    """A named place with an engine."""

    name: str
    engine: str
    isolated: bool
    reachable: bool
    detail: str
    hint: str
    owner: str | None
    scope: str
    address: str | None
    tls: bool
    cpus: float | None
    memory: int | None
    signed_in_until: str | None
    certificate_until: str | None


class ComputesAnswer(Answer):
    """All computes."""

    computes: list[ComputeAnswer]


class CertificateTexts(Asked):
    """PEM texts of the engine's authority, the client's certificate and its key."""

    ca: SecretStr
    cert: SecretStr
    key: SecretStr


class SignIn(Asked):
    """What proves that somebody may use an engine; null means what is kept."""

    certificates: CertificateTexts | None = Field(
        None, json_schema_extra={"writeOnly": True}
    )
    days: float | None = Field(None, gt=0, le=3650)


class AddCompute(SignIn):
    """A compute to add; its engine must answer now."""

    name: Name
    address: str = Field(min_length=1, max_length=500)
    scope: Literal["personal", "workspace"] = "personal"


class RemoveCompute(Asked):
    """Whether the runtimes of the compute go with it."""

    runtimes: bool = False


class OccupantAnswer(Answer):
    """Something that lives on a compute."""

    kind: str
    name: str
    owner: str
    status: str
    image: str
    runs: int


class OccupantsAnswer(Answer):
    """What lives on a compute; ``hidden`` counts what is not shown."""

    compute: str
    shown: list[OccupantAnswer]
    hidden: dict[str, int]


class VictimsAnswer(Answer):
    """What goes with a compute."""

    runtimes: list[str]
    runs: list[str]
