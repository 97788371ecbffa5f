"""The versions of runtimes: checks, rehearsals, updates."""

from __future__ import annotations

from pydantic import Field

from .base import Answer, Asked, Json, Name


class CheckVersion(Asked):
    """Whether to ask now, or to take what was found a short while ago."""

    fresh: bool = True


class Rehearse(Asked):
    """What is rehearsed: ``to`` null means the newest; ``runs`` win over ``last``."""

    to: Name | None = None
    last: int | None = Field(default=20, ge=0, le=1000)
    runs: list[Name] | None = Field(default=None, max_length=1000)


class MakeUpdate(Rehearse):
    """What a runtime is moved to; ``accept`` names a version in which runs differ."""

    rehearse: bool = False
    accept: Name | None = None


class NewerAnswer(Answer):
    """What the last check found and the last rehearsal; nobody is asked for it."""

    check: Json | None
    rehearsal: Json | None
    previous: Json | None


class VersionCheckAnswer(Answer):
    """What a check found."""

    check: Json


class RehearsalAnswer(Answer):
    """What a rehearsal came to."""

    rehearsal: Json


class UpdateAnswer(Answer):
    """What an update or a rollback did."""

    update: Json
