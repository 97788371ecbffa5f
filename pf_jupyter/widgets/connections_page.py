"""Connections: what flows need to reach other services. No secret is ever shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .elements import Child, Element, h
from .panel import Panel
from .parts import button, choice, field, form, page, row, submit
from .shown import empty, facts, loading, table

if TYPE_CHECKING:
    from ..workspace.api import Connection, Scope, Workspace

_SCOPES = [("personal", "personal: yours"), ("workspace", "workspace: everybody's")]


class ConnectionsPage(Panel):
    """All connections; one can be added, changed, deleted.

    Parameters
    ----------
    workspace
        Whose.
    """

    def __init__(self, workspace: Workspace) -> None:
        from ..workspace.api import connection_types

        self.types = {kind["name"]: kind["fields"] for kind in connection_types()}
        self.known: Sequence[Connection] | None = None
        self.edited: dict[str, Any] | None = None
        super().__init__(workspace)

    def begin(self) -> None:
        """Ask for the connections."""
        self.work("list", lambda: self.workspace.connections.list(), self._know)

    def _know(self, found: Sequence[Connection]) -> None:
        self.known = found

    # ---- what its buttons do

    def do_list(self) -> None:
        """Go back to the list."""
        self.edited = None
        self.begin()

    def do_add(self) -> None:
        """Open the form for a new one."""
        self.trouble = None
        self.edited = {"type": "azure_open_ai", "new": True}

    def do_edit(self, name: str) -> None:
        """Open the form of one."""
        self.trouble = None
        found = next(c for c in self.known or () if c.name == name)
        self.edited = {
            **{f"configs.{key}": value for key, value in found.configs.items()},
            "name": found.name,
            "type": found.type,
            "scope": found.scope,
            "secrets": list(found.secrets),
            "new": False,
        }

    def do_type(self, **values: Any) -> None:
        """Show the fields of another type."""
        assert self.edited is not None
        self.edited |= _without_secrets(values)

    def do_save(self, **values: Any) -> None:
        """Make or change it; secrets are sent and not kept here."""
        assert self.edited is not None
        self.edited |= _without_secrets(values)
        settings = self._settings(values)
        name = str(values.get("name") or self.edited.get("name") or "").strip()
        connections = self.workspace.connections
        scope: Scope = "personal"
        if values.get("scope") == "workspace":
            scope = "workspace"
        if self.edited["new"]:
            settings["type"] = self.edited["type"]
            self.work(
                "save",
                lambda: connections.create(name=name, settings=settings, scope=scope),
                self._saved,
            )
        else:
            self.work(
                "save",
                lambda: connections.update(name, settings=settings, scope=scope),
                self._saved,
            )

    def _saved(self, _found: Connection) -> None:
        self.trouble = None
        self.do_list()

    def do_delete(self, name: str) -> None:
        """Forget one, with its secrets."""
        connections = self.workspace.connections
        self.work("delete", lambda: connections.delete(name), lambda _: self.do_list())

    def _settings(self, values: dict[str, Any]) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        for key, value in values.items():
            kind, _, name = key.partition(".")
            if kind in ("configs", "secrets") and name and value:
                plain = (
                    name if self.types.get(str((self.edited or {})["type"])) else key
                )
                settings[plain] = value
        for kind, text in (
            ("configs", values.get("more_configs")),
            ("secrets", values.get("more_secrets")),
        ):
            for line in str(text or "").splitlines():
                if not line.strip():
                    continue
                name, sign, value = line.partition("=")
                if not sign or not name.strip():
                    raise UsageError(
                        f"'{name.strip()[:20]}' has no value",
                        code="bad_value",
                        hint="write one on each line: key=value",
                    )
                settings[f"{kind}.{name.strip()}"] = value.strip()
        return settings

    # ---- how it looks

    def view(self) -> Element:
        """Return the form or the list."""
        if self.edited is not None:
            return self._form()
        return page(
            "Connections",
            self._rows(),
            actions=[
                button("Add", "add", icon="add", kind="primary"),
                button("Refresh", "list", icon="refresh", kind="quiet", bare=True),
            ],
        )

    def _rows(self) -> Child:
        if self.known is None:
            return loading("Asking for the connections")
        if not self.known:
            return empty(
                "key",
                "No connection yet",
                "A connection holds the address and the key of a service that flows "
                "use. Keys are kept encrypted and sent only with runs that need them.",
                button("Add a connection", "add", icon="add", kind="primary"),
            )
        rows: list[list[Child]] = [
            [
                button(c.name, "edit", kind="quiet", name=c.name, key=f"edit:{c.name}"),
                c.custom_type or c.type,
                ", ".join(f"{k}={v}" for k, v in c.configs.items() if v),
                ", ".join(c.secrets),
                c.scope,
                c.owner,
                button(
                    f"Delete {c.name}",
                    "delete",
                    icon="trash",
                    kind="danger",
                    bare=True,
                    name=c.name,
                    confirm=f"Delete {c.name} and its secrets?",
                ),
            ]
            for c in self.known
        ]
        return table(
            ["name", "type", "settings", "secrets", "for", "owner", ""],
            rows,
            keys=[c.name for c in self.known],
            caption="connections",
        )

    def _form(self) -> Element:
        edited = self.edited or {}
        new = edited["new"]
        kind = str(edited["type"])
        back = button("All connections", "list", icon="back", kind="quiet", bare=True)
        if new:
            head: list[Child] = [
                field("name", "Name", edited.get("name", ""), required=True),
                choice("type", "Type", list(self.types), kind, change="type"),
            ]
        else:
            head = [facts([("type", kind)])]
        fields = [self._field(item, edited) for item in self.types.get(kind, ())]
        if not self.types.get(kind):
            fields = [
                field(
                    "more_configs",
                    "Settings",
                    "\n".join(
                        f"{key.partition('.')[2]}={value}"
                        for key, value in edited.items()
                        if key.startswith("configs.")
                    ),
                    kind="code",
                    placeholder="key=value",
                    help="one on each line",
                ),
                field(
                    "more_secrets",
                    "Secrets",
                    kind="code",
                    placeholder="key=value",
                    help=_kept(edited.get("secrets"), "one on each line"),
                ),
            ]
        inner = form(
            *head,
            *fields,
            choice("scope", "Who may use it", _SCOPES, edited.get("scope", "personal")),
            row(submit("Save", icon="save", busy=self.working("save"))),
            do="save",
        )
        title = "Add a connection" if new else str(edited["name"])
        return page(title, h("div", inner, class_="pf-narrow"), lead=back)

    def _field(self, item: dict[str, Any], edited: dict[str, Any]) -> Element:
        name, new = str(item["name"]), edited["new"]
        if item["secret"]:
            known = name in edited.get("secrets", ())
            return field(
                f"secrets.{name}",
                name,
                kind="password",
                required=bool(item["required"]) and new,
                placeholder="unchanged" if known else None,
                help="a key, or ${env:NAME} to read it from the environment",
            )
        return field(
            f"configs.{name}",
            name,
            edited.get(f"configs.{name}", item["default"] if new else "") or "",
            required=bool(item["required"]) and new,
        )


def _without_secrets(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in values.items()
        if not key.startswith("secrets.") and key != "more_secrets"
    }


def _kept(names: Any, words: str) -> str:
    return f"{words}; kept unless given: {', '.join(names)}" if names else words
