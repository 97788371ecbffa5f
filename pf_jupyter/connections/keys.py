"""Encrypts secrets, with a key that lies beside the store or in the system's keyring.

No keyring is required: where none is usable the key is a file that only its owner can
read, in the home. A key that cannot be found again loses nothing but the secrets made
with it, and says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

from filelock import FileLock

from ..errors import IllegalState, Unreachable
from ..store.home import make_private, readable_by_others

KEY_FILE = "connections.key"
_SERVICE = "pf_jupyter"
_PATIENCE_SECONDS = 3.0
_LOCK_SECONDS = 30.0


class Keys:
    """The keys of one store.

    Parameters
    ----------
    folder
        The home.
    identity
        Tells stores apart in the keyring.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._file = folder / KEY_FILE
        self._lock = folder / "connections.lock"
        self._identity = identity
        self._known: dict[str, bytes] = {}

    def seal(self, name: str, field: str, text: str) -> dict[str, str]:
        """Return a secret encrypted: ``{"key": id of the key, "sealed": text}``.

        Parameters
        ----------
        name, field
            Whose secret it is: it can be opened for nothing else.
        text
            The secret.
        """
        number, key = self._current()
        message = json.dumps([name, field, text]).encode()
        return {"key": number, "sealed": _fernet(key).encrypt(message).decode("ascii")}

    def open(self, name: str, field: str, sealed: dict[str, str]) -> str:
        """Undo `seal`.

        Raises
        ------
        IllegalState
            The key is gone, or what was sealed has been changed.
        """
        from cryptography.fernet import InvalidToken

        key = self._find(sealed["key"])
        if key is not None:
            try:
                data = _fernet(key).decrypt(sealed["sealed"].encode("ascii"))
                owner, own_field, text = json.loads(data)
            except (InvalidToken, ValueError):
                pass
            else:
                if (owner, own_field) == (name, field):
                    return str(text)
        where = "the keyring" if sealed["key"].startswith("keyring:") else self._file
        raise IllegalState(
            f"{field} of connection {name!r} was encrypted with a key that {where} "
            "does not hold (any more)",
            code="connection_key_missing",
            hint="unlock or restore it, or enter the secret again: "
            f"%pfconnection update {name} --set {field}=@FILE",
        )

    def _current(self) -> tuple[str, bytes]:
        """Return the key for what is written now, made when there is none."""
        if self._file.is_file():
            key = self._read_file()
            return _number("file", key), key
        lock = FileLock(self._lock, timeout=_LOCK_SECONDS, mode=0o600)
        try:
            with lock:
                if not self._file.is_file():
                    kept = self._from_keyring(make=True)
                    if kept is not None:
                        number = _number("keyring", kept)
                        self._known[number] = kept
                        return number, kept
                    self._make_file()
        except OSError as error:
            raise Unreachable(
                f"cannot write {self._file}: {error.strerror or error}",
                code="store_not_writable",
                hint="set PF_JUPYTER_HOME to a folder that you may write to",
            ) from None
        key = self._read_file()
        return _number("file", key), key

    def _find(self, number: str) -> bytes | None:
        """Return the key of that id, or None when it is not here."""
        if number not in self._known:
            place = number.partition(":")[0]
            key = (
                self._from_keyring(make=False)
                if place == "keyring"
                else self._read_file()
            )
            if not key or _number(place, key) != number:
                return None
            self._known[number] = key
        return self._known[number]

    def _read_file(self) -> bytes:
        try:
            if readable_by_others(self._file):
                make_private(self._file)
            return self._file.read_bytes().strip()
        except OSError:
            return b""

    def _make_file(self) -> None:
        from cryptography.fernet import Fernet

        unfinished = self._file.with_name(f".{KEY_FILE}.{os.getpid()}")
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
        descriptor = os.open(unfinished, flags, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._file)

    def _from_keyring(self, *, make: bool) -> bytes | None:
        """Return our key in the system's keyring; None where there is no usable one."""
        keyring = usable_keyring()
        if keyring is None:
            return None

        def ask() -> str | None:
            found: str | None = keyring.get_password(_SERVICE, self._identity)
            if found is None and make:
                from cryptography.fernet import Fernet

                keyring.set_password(
                    _SERVICE, self._identity, Fernet.generate_key().decode("ascii")
                )
                found = keyring.get_password(_SERVICE, self._identity)
            return found

        answer = _in_time(ask)
        return answer.encode("ascii") if answer else None


def usable_keyring() -> Any:
    """Return the keyring's backend when it keeps secrets safely, else None.

    ``PF_JUPYTER_KEYRING=0`` says that it is not wanted. The package ``keyring`` is
    optional, and backends that keep plain files are no better than our own.
    """
    if os.environ.get("PF_JUPYTER_KEYRING", "").lower() in ("0", "no", "false", "off"):
        return None
    try:
        import keyring

        backend = keyring.get_keyring()
        module = type(backend).__module__
        if float(getattr(backend, "priority", 0)) < 1:
            return None
    except Exception:  # a backend may fail in any way; the file always works
        return None
    weak = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")
    return None if module.startswith(weak) else backend


def _in_time(call: Any) -> Any:
    """Return the call's answer, or None when it fails or waits for a dialog."""
    answer: list[Any] = []

    def work() -> None:
        try:
            answer.append(call())
        except Exception:  # as above
            answer.append(None)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_PATIENCE_SECONDS)
    return answer[0] if answer else None


def _number(place: str, key: bytes) -> str:
    return f"{place}:{hashlib.sha256(key).hexdigest()[:12]}"


def _fernet(key: bytes) -> Any:
    from cryptography.fernet import Fernet

    return Fernet(key)
