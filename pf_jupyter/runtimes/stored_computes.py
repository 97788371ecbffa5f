"""Computes that people added: an address, certificates, and until when they hold."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ..connections.certificates import holds_until
from ..connections.keys import Keys
from ..engines.api import Engine
from ..engines.docker_address import Certificates, find_address
from ..errors import AlreadyExists, IllegalState, NotFound, Unreachable, UsageError
from ..store.computes import ComputeRecord
from ..store.records import moment, timestamp
from ..store.store import Store
from . import identity

SIGN_IN_DAYS = 180.0
SCOPES = ("personal", "workspace")
PARTS = ("ca", "cert", "key")
"""What a folder of certificates holds, each as NAME.pem."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


class StoredComputes:
    """The computes that were added to a workspace, and their engines.

    Parameters
    ----------
    store
        Where they are remembered, their certificates encrypted.
    """

    def __init__(self, store: Store) -> None:
        self._rows = store.computes
        self._keys = Keys(store.folder, store.id)

    def all(self) -> list[ComputeRecord]:
        """Return all of them by name."""
        return self._rows.all()

    def get(self, name: str) -> ComputeRecord | None:
        """Return one, or None."""
        return self._rows.get(name)

    def add(
        self,
        name: str,
        address: str,
        certificates: Mapping[str, str],
        *,
        scope: str = "personal",
        days: float | None = None,
    ) -> ComputeRecord:
        """Remember a compute for which its engine has just answered.

        Parameters
        ----------
        address
            ``unix:///path``, ``npipe:////./pipe/NAME`` or ``tcp://host:port``.
        certificates
            PEM texts ``ca``, ``cert`` and ``key``; none of them without TLS.
        days
            For how long it is remembered that its owner may use it.

        Raises
        ------
        AlreadyExists, UsageError, Unreachable
            The name is taken; something does not fit; nothing answers there.
        """
        record = self._record(name, address, scope)
        if self._rows.get(name) is not None:
            raise _exists(name)
        record = self._signed(record, certificates, days)
        if not self._rows.add(record):
            raise _exists(name)
        return record

    def sign_in(
        self, name: str, certificates: Mapping[str, str], *, days: float | None = None
    ) -> ComputeRecord:
        """Try a compute's certificates, or new ones, and remember that they hold."""
        old = self.require(name)
        record = replace(old, changed_at=timestamp())
        record = self._signed(record, certificates or self._texts(old), days)
        if not self._rows.change(record):
            raise _unknown(name)
        return record

    def remove(self, name: str) -> None:
        """Forget a compute (NotFound)."""
        if not self._rows.remove(name):
            raise _unknown(name)

    def require(self, name: str) -> ComputeRecord:
        """Return one (NotFound)."""
        found = self._rows.get(name)
        if found is None:
            raise _unknown(name)
        return found

    def open(self, record: ComputeRecord) -> Engine:
        """Return a compute's engine.

        Raises
        ------
        Unreachable
            Its owner has to sign in again.
        IllegalState
            The key that its certificates were encrypted with is gone.
        """
        require_signed_in(record)
        return _engine(record, self._texts(record))

    def _record(self, name: str, address: str, scope: str) -> ComputeRecord:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name for a compute",
                code="bad_name",
                hint="1 to 63 characters of a-z, 0-9, _, . and -",
            )
        if scope not in SCOPES:
            raise UsageError(
                f"there is no scope {scope!r}", hint=f"one of {', '.join(SCOPES)}"
            )
        find_address(address)
        now = timestamp()
        return ComputeRecord(name, identity.user(), address, now, now, scope=scope)

    def _signed(
        self, record: ComputeRecord, texts: Mapping[str, str], days: float | None
    ) -> ComputeRecord:
        """Return the record with what just proved to hold."""
        certificate_until = _check(texts) if texts else None
        engine = _engine(record, texts)
        try:
            info = engine.ping()
        finally:
            engine.close()
        if days is not None and days <= 0:
            raise UsageError(
                f"a sign-in cannot hold {days:g} days", hint="give a positive number"
            )
        until = None
        if texts or days is not None:
            wanted = datetime.now(UTC) + timedelta(days=days or SIGN_IN_DAYS)
            until = timestamp(min(wanted, certificate_until or wanted))
        sealed = {
            part: self._keys.seal(f"compute {record.name}", part, text)
            for part, text in texts.items()
        }
        return replace(
            record,
            engine=info.name,
            secrets=sealed,
            signed_in_until=until,
            certificate_until=(
                timestamp(certificate_until) if certificate_until else None
            ),
        )

    def _texts(self, record: ComputeRecord) -> dict[str, str]:
        try:
            return {
                part: self._keys.open(f"compute {record.name}", part, sealed)
                for part, sealed in record.secrets.items()
            }
        except IllegalState as error:
            raise IllegalState(
                f"the certificates of compute {record.name!r} were encrypted with a "
                "key that is not here (any more)",
                code="connection_key_missing",
                hint=f"give them again: {_auth(record)} --certificates FOLDER",
            ) from error


def require_signed_in(record: ComputeRecord) -> None:
    """Refuse a compute whose sign-in has run out (Unreachable)."""
    until = record.signed_in_until
    if until is not None and moment(until) <= datetime.now(UTC):
        renewed = record.certificate_until == until
        raise Unreachable(
            f"the sign-in to compute {record.name!r} ran out on {until[:10]}"
            + (", as did its certificate" if renewed else ""),
            code="sign_in_expired",
            hint=f"{record.owner} signs in again: {_auth(record)}"
            + (" --certificates FOLDER" if renewed else ""),
        )


def _auth(record: ComputeRecord) -> str:
    return f"%pfcompute auth {record.name}"


def _engine(record: ComputeRecord, texts: Mapping[str, str]) -> Engine:
    from ..engines.registry import open_engine

    certificates = _certificates(texts) if texts else None
    return open_engine(
        "docker",
        address=record.address,
        certificates=certificates,
        source=f"compute {record.name}",
    )


def _check(texts: Mapping[str, str]) -> datetime:
    """Return when the client's certificate runs out.

    Raises
    ------
    UsageError
        One is missing, unreadable or has run out, or the key is another's.
    """
    missing = [f"{part}.pem" for part in PARTS if not texts.get(part)]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} not given",
            code="bad_certificate",
            hint="for TLS it takes ca.pem, cert.pem and key.pem",
        )
    _certificates(texts)
    until = holds_until(texts["cert"])
    if until <= datetime.now(UTC):
        raise UsageError(
            f"the certificate (cert.pem) ran out on {until:%Y-%m-%d}",
            code="certificate_expired",
            hint="ask whoever runs the engine for a new one",
        )
    return until


def _certificates(texts: Mapping[str, str]) -> Certificates:
    try:
        return Certificates.from_pem(texts["ca"], texts["cert"], texts["key"])
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error)
        raise UsageError(
            f"the certificates cannot be used: {reason}",
            code="bad_certificate",
            hint="ca.pem and cert.pem are certificates in PEM form, key.pem is the key "
            "of cert.pem, without a password",
        ) from None


def _exists(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"there is a compute {name!r} already",
        hint="choose another name; %pfcompute auth changes its certificates",
    )


def _unknown(name: str) -> NotFound:
    return NotFound(
        f"there is no compute {name!r} that was added",
        hint="%pfcompute list shows the computes",
    )


def described(record: ComputeRecord) -> dict[str, Any]:
    """Return what of a record may be shown."""
    return {
        "owner": record.owner,
        "scope": record.scope,
        "address": record.address,
        "tls": bool(record.secrets),
        "signed_in_until": record.signed_in_until,
        "certificate_until": record.certificate_until,
    }
