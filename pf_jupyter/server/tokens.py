"""Tokens of kernels: good for our routes alone, for a while, until taken back.

Each is a file whose name is the token's SHA-256, so that servers that share a
workspace need no lock between them, a new server knows the kernels of the old one, and
nobody who reads the folder can ask anything.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..errors import NotFound
from ..workspace.remote_routes import TOKEN_PREFIX

LIFETIME = timedelta(days=2)
"""Without being used; a kernel that lives asks more often than that."""

_RENEW = timedelta(hours=1)


@dataclass(frozen=True)
class Grant:
    """Whose a token is and how long it is good."""

    id: str
    kernel: str
    principal: str
    created_at: str
    expires_at: str


class Tokens:
    """The tokens of one workspace's servers.

    Parameters
    ----------
    folder
        Where they live; readable by its owner alone.
    lifetime
        How long one is good without being used.
    """

    def __init__(self, folder: Path, lifetime: timedelta = LIFETIME) -> None:
        self._folder = folder
        self._lifetime = lifetime
        self._guard = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def make(self, kernel: str, principal: str) -> str:
        """Return a new token for a kernel; it is written down nowhere."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        self._write(
            Grant(
                _digest(token),
                kernel,
                principal,
                now.isoformat(),
                (now + self._lifetime).isoformat(),
            )
        )
        return token

    def find(self, token: str) -> Grant | None:
        """Return what a token grants, None when it is not good, and prolong it."""
        grant = self._read(_digest(token))
        if grant is None:
            return None
        now = datetime.now(UTC)
        expires = datetime.fromisoformat(grant.expires_at)
        if expires <= now:
            self._file(grant.id).unlink(missing_ok=True)
            return None
        if now + self._lifetime - expires > min(_RENEW, self._lifetime / 2):
            later = (now + self._lifetime).isoformat()
            grant = Grant(**{**asdict(grant), "expires_at": later})
            self._write(grant, renew=True)
        return grant

    def all(self) -> list[Grant]:
        """Return all tokens that are good, the oldest first."""
        now = datetime.now(UTC)
        found = [self._read(file.stem) for file in self._folder.glob("*.json")]
        good = [g for g in found if g and datetime.fromisoformat(g.expires_at) > now]
        return sorted(good, key=lambda grant: grant.created_at)

    def revoke(self, key: str) -> None:
        """Take a token back; it is refused from now on (NotFound)."""
        with self._guard:
            try:
                self._file(key).unlink()
            except OSError:
                raise NotFound(
                    f"there is no token {key!r}",
                    hint="it was taken back already, or it has expired",
                ) from None

    def belongs(self, token: str, kernel: str) -> None:
        """Write down whose a token is, once its kernel has a name."""
        grant = self._read(_digest(token))
        if grant is not None:
            self._write(Grant(**{**asdict(grant), "kernel": kernel}), renew=True)

    def forget(self, token: str) -> None:
        """Take back a token whose kernel did not come to be."""
        self._file(_digest(token)).unlink(missing_ok=True)

    def revoke_kernel(self, kernel: str) -> None:
        """Take back what a kernel was given."""
        for grant in self.all():
            if grant.kernel == kernel:
                self._file(grant.id).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what has expired."""
        now = datetime.now(UTC)
        for file in self._folder.glob("*.json"):
            grant = self._read(file.stem)
            if grant is None or datetime.fromisoformat(grant.expires_at) <= now:
                file.unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        name = key if len(key) == 64 and key.isalnum() else "none"
        return self._folder / f"{name}.json"

    def _read(self, key: str) -> Grant | None:
        try:
            return Grant(**json.loads(self._file(key).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _write(self, grant: Grant, *, renew: bool = False) -> None:
        file = self._file(grant.id)
        part = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        with self._guard:
            if renew and not file.exists():
                return  # it was taken back in this very moment
            with open(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600), "w") as stream:
                json.dump(asdict(grant), stream)
            part.replace(file)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
