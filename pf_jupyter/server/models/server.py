"""The server itself: operations, tokens."""

from __future__ import annotations

from typing import Any, Literal

from .base import Answer, Asked, ErrorAnswer, Name


class StatusAnswer(Answer):
    """That the server is here."""

    version: str
    workspace: str
    home: str
    principal: str
    started_at: str


class OperationAnswer(Answer):
    """Long work: ``target`` is what it is about, ``run_id`` the run it began."""

    id: str
    verb: str
    target: str
    state: Literal["running", "done", "failed"]
    principal: str
    started_at: str
    ended_at: str | None
    run_id: str | None
    result: Any
    error: ErrorAnswer | None


class OperationsAnswer(Answer):
    """Operations, newest first."""

    operations: list[OperationAnswer]


class TokenAnswer(Answer):
    """What a kernel may ask with; the token itself is known to the kernel alone."""

    id: str
    kernel: str
    principal: str
    created_at: str
    expires_at: str


class TokensAnswer(Answer):
    """All tokens of kernels."""

    tokens: list[TokenAnswer]


class CreateToken(Asked):
    """What the token is for, for people."""

    kernel: Name


class NewTokenAnswer(Answer):
    """A new token; nobody can look at it again."""

    token: str
    id: str
    expires_at: str
