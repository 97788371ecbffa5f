"""A connection as it is written: read from YAML and ``key=value``, checked as a whole.

Rules: flow-format section 5. The public form has flat fields; custom connections have
the maps ``configs`` and ``secrets``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..flow.document import read_document
from ..flow.fields import did_you_mean
from .types import (
    STRONG_TYPE_KEYS,
    STRONG_TYPE_PREFIX,
    TOKEN,
    ConnectionType,
    find_type,
)

STARS = "*****"
KEEP = "<no-change>"
ASK = "<user-input>"
_NAME = re.compile(r"^[^\s/\\$.{}][^/\\$.{}\r\n\t]{0,127}$")
_ENVIRONMENT = re.compile(r"^\$\{env:([^{}=\0]+)\}$")

Ask = Callable[[str], str]
"""Asks a person for a secret, named by its argument."""


@dataclass(frozen=True)
class Definition:
    """A connection, complete. Values may be ``${env:NAME}``.

    ``configs`` and ``secrets`` are as the class of ``kind`` has them; those of a custom
    strong type hold the public ``promptflow.connection.*`` keys as well.
    """

    name: str
    kind: ConnectionType
    module: str
    configs: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def environment_name(value: str) -> str | None:
    """Return the variable that a value ``${env:NAME}`` stands for, or None."""
    match = _ENVIRONMENT.match(value.strip())
    return match[1].strip() if match else None


def read_file(path: str | Path) -> dict[str, Any]:
    """Read a connection's YAML file as it is.

    Raises
    ------
    UsageError
        It cannot be read, or is no mapping.
    """
    file = Path(path).expanduser()
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror or error}",
            code="cannot_read",
            hint="name a YAML file: --file connection.yaml",
        ) from None
    document = read_document(data, file.name)
    if document.problems:
        first = document.problems[0]
        # The text of a problem may quote the line, which may hold the secret.
        raise UsageError(
            f"{file.name} is not valid YAML (line {first.line}, column {first.column})",
            code=first.code,
            hint="write one 'key: value' in each line",
        )
    if not isinstance(document.value, Mapping):
        raise UsageError(
            f"{file.name} does not describe a connection",
            code="bad_connection",
            hint="it must hold name, type and the type's fields",
        )
    return {str(key): value for key, value in document.value.items()}


def define(
    data: Mapping[str, Any],
    settings: Mapping[str, Any],
    *,
    name: str | None = None,
    stored: Definition | None = None,
    ask: Ask | None = None,
) -> Definition:
    """Make a connection of what a file and a person say.

    Parameters
    ----------
    data
        As in the public YAML.
    settings
        Further values, which win; ``configs.k`` and ``secrets.k`` for custom ones.
    name
        Wins over the name in ``data``.
    stored
        What is there already: values that are not given stay as they are.
    ask
        For secrets that are to be typed; None where nobody can be asked.

    Raises
    ------
    UsageError
        Something is unknown, missing or of the wrong form; all of it is named.
    """
    data = {**data, **{k: v for k, v in settings.items() if "." not in k}}
    kind = _kind(data, stored)
    if stored is not None and kind.name != stored.kind.name:
        raise UsageError(
            f"connection {stored.name!r} is of type {stored.kind.name}, not "
            f"{kind.name}",
            code="bad_connection",
            hint="delete it first, or choose another name",
        )
    name = _name(name or data.get("name") or (stored and stored.name))
    dotted = {key: value for key, value in settings.items() if "." in key}
    reading = _Reading(kind, name, stored)
    given = {k: v for k, v in data.items() if k not in _COMMON}
    if kind.is_custom:
        reading.custom(given, dotted)
    else:
        reading.flat({**given, **dotted})
    reading.answer(ask)
    reading.check()
    module = stored.module if stored is not None else kind.module
    return Definition(name, kind, module, reading.configs, reading.secrets)


_COMMON = {
    *("$schema", "name", "type", "scope"),
    *("created_date", "last_modified_date", "expiry_time"),
}


def _kind(data: Mapping[str, Any], stored: Definition | None) -> ConnectionType:
    if data.get("type") is not None:
        return find_type(str(data["type"]))
    if stored is not None:
        return stored.kind
    raise UsageError(
        "a connection needs a type",
        code="bad_connection",
        hint="write type: open_ai into the file, or --set type=open_ai",
    )


def _name(value: Any) -> str:
    name = str(value).strip() if value is not None else ""
    if not name:
        raise UsageError(
            "a connection needs a name",
            code="bad_name",
            hint="write name: my_connection into the file, or --name my_connection",
        )
    if not _NAME.match(name):
        raise UsageError(
            f"{name!r} cannot be a connection's name",
            code="bad_name",
            hint="at most 128 characters, without . / \\ $ and braces",
        )
    return name


class _Reading:
    """Puts values where they belong, and collects what is wrong."""

    def __init__(
        self, kind: ConnectionType, name: str, stored: Definition | None
    ) -> None:
        self._kind = kind
        self._name = name
        self._stored = stored
        self.configs: dict[str, str] = dict(stored.configs) if stored else {}
        self.secrets: dict[str, str] = dict(stored.secrets) if stored else {}
        self._faults: list[tuple[str, str]] = []
        self._asked: list[str] = []

    def flat(self, given: Mapping[str, Any]) -> None:
        """Take the fields of a public type."""
        for name in given:
            field_ = self._kind.field(name)
            if field_ is None:
                # ``module`` is written by the public tools, and says nothing new.
                if name != "module":
                    self._unknown(name, [f.name for f in self._kind.fields])
            elif field_.secret:
                self._secret(name, given[name])
            else:
                self._config(name, given[name])
        for field_ in self._kind.fields:
            if field_.default is not None:
                self.configs.setdefault(field_.name, field_.default)
        mode = self.configs.get("auth_mode", "key")
        if mode == TOKEN:
            self.secrets.pop("api_key", None)
            self._asked.clear()

    def custom(self, given: Mapping[str, Any], dotted: Mapping[str, Any]) -> None:
        """Take the maps of a custom connection, and what makes it a strong type."""
        for part, take in (("configs", self._config), ("secrets", self._secret)):
            values = given.get(part)
            if values is not None and not isinstance(values, Mapping):
                self._fault(f"{part} must be a mapping", f"{part}:\n  key: value")
                continue
            for key, value in (values or {}).items():
                take(str(key), value)
        for key in STRONG_TYPE_KEYS:
            if given.get(key) is not None:
                self._config(STRONG_TYPE_PREFIX + key, given[key])
        rest = set(given) - {"configs", "secrets", *STRONG_TYPE_KEYS}
        for key in sorted(rest):
            self._fault(
                f"a custom connection has no field {key!r}",
                f"write configs.{key}=… or secrets.{key}=…",
            )
        for key, value in dotted.items():
            part, _, inner = key.partition(".")
            if part == "configs" and inner:
                self._config(inner, value)
            elif part == "secrets" and inner:
                self._secret(inner, value)
            else:
                self._unknown(key, ["configs.KEY", "secrets.KEY"])

    def answer(self, ask: Ask | None) -> None:
        """Ask for the secrets that are to be typed."""
        if not self._asked:
            return
        if ask is None:
            listed = ", ".join(self._asked)
            raise UsageError(
                f"{listed} of connection {self._name!r} is to be typed, and there is "
                "nobody to ask",
                code="secret_needed",
                hint=f"give it from a file (--set {self._path(self._asked[0])}=@FILE) "
                "or name an environment variable in its place: ${env:NAME}",
            )
        for key in self._asked:
            self.secrets[key] = ask(f"{key} of connection {self._name}")

    def check(self) -> None:
        """Raise for everything that is wrong."""
        for field_ in self._kind.fields:
            values = self.secrets if field_.secret else self.configs
            token = field_.secret and self.configs.get("auth_mode") == TOKEN
            if field_.required and not values.get(field_.name) and not token:
                self._fault(
                    f"{field_.name} is missing", f"--set {field_.name}=… gives it"
                )
        mode = self.configs.get("auth_mode", "key")
        if self._kind.field("auth_mode") and mode not in ("key", TOKEN):
            self._fault(f"auth_mode cannot be {mode!r}", f"it is key or {TOKEN}")
        if self._kind.is_custom and not self.secrets:
            self._fault(
                "a custom connection needs secrets",
                "put what is not secret into environment_variables of the flow",
            )
        if not self._faults:
            return
        raise UsageError(
            f"connection {self._name!r}: " + "; ".join(m for m, _ in self._faults),
            code="bad_connection",
            hint="; ".join(dict.fromkeys(hint for _, hint in self._faults)),
        )

    def _config(self, key: str, value: Any) -> None:
        text = self._text(key, value)
        if text is None or text == KEEP:
            return
        if self._kind.is_custom:
            self.secrets.pop(key, None)
        self.configs[key] = text

    def _secret(self, key: str, value: Any) -> None:
        text = self._text(key, value)
        if text is None:
            return
        self.configs.pop(key, None)
        if text == KEEP:
            if key not in self.secrets:
                self._fault(f"there is no stored {key} to keep", "give its value")
        elif text == ASK or (text and not text.strip("*")):
            self._asked.append(key)
        else:
            self.secrets[key] = text
            if key in self._asked:
                self._asked.remove(key)

    def _text(self, key: str, value: Any) -> str | None:
        if value is None:
            return None
        if isinstance(value, Mapping | list | tuple):
            self._fault(f"{key} must be a text", "quote it")
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    def _path(self, key: str) -> str:
        return f"secrets.{key}" if self._kind.is_custom else key

    def _unknown(self, name: str, names: list[str]) -> None:
        hint = did_you_mean(name, names, f"there are {', '.join(names)}")
        self._fault(f"there is no field {name!r}", hint)

    def _fault(self, message: str, hint: str) -> None:
        self._faults.append((message, hint))


def renamed(definition: Definition, name: str) -> Definition:
    """Return the same connection under another name."""
    return replace(definition, name=_name(name))
