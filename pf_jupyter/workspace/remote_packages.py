"""The packages of a runtime that a server holds."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .api import Capture, HasPackages, Installation, OnPhase, Package
from .remote_operations import Work

if TYPE_CHECKING:
    from .api import Runtime
    from .remote_client import Client


class RemotePackages(HasPackages):
    """The part of a server's runtime that knows packages."""

    _client: Client
    _path: dict[str, str]

    def install(
        self,
        *packages: str,
        requirements: str | Path | None = None,
        upgrade: bool = False,
        on_phase: OnPhase | None = None,
    ) -> Installation:
        """Install packages into this runtime now; see `HasPackages.install`."""
        text = None
        if requirements is not None:
            text = _read(requirements)
        work = Work(
            self._client,
            "packages.install",
            body={"packages": list(packages), "requirements": text, "upgrade": upgrade},
            path=self._path,
            again=True,
        )
        return _installation(work.result(on_phase=on_phase))

    def reset(self) -> Runtime:
        """Take off all that was installed by hand: it is its definition again."""
        self._client.call("packages.reset", self._path)
        return self  # type: ignore[return-value]

    def packages(self) -> list[Package]:
        """Return what is installed, by name, each with its version and source."""
        found = self._client.call("packages.list", self._path)
        return [Package(**item) for item in found["packages"]]

    def capture(
        self,
        name: str,
        *,
        to: str | Path | None = None,
        publish: bool = True,
        partial: bool = False,
        index_url: str | None = None,
        version: str | None = None,
        registry: str | None = None,
        description: str | None = None,
        connection: str | None = None,
        on_phase: OnPhase | None = None,
    ) -> Capture:
        """Make an environment of what was installed; see `HasPackages.capture`.

        The server builds in a folder of its own, whose files are written here.
        """
        from .remote_capture import capture_from_json, prepared, written

        folder = prepared(name, to)
        body = {
            "name": name,
            "publish": publish,
            "partial": partial,
            "index_url": index_url,
            "version": version,
            "registry": registry,
            "description": description,
            "connection": connection,
        }
        work = Work(self._client, "packages.capture", body=body, path=self._path)
        document = work.result(on_phase=on_phase)
        written(folder, document.pop("files"))
        return capture_from_json({**document, "folder": folder})

    def layers(self) -> list[dict[str, Any]]:
        """Return the layers over the environment; see `HasPackages.layers`."""
        return list(self._client.call("packages.list", self._path)["layers"])


def _read(file: str | Path) -> str:
    from ..errors import UsageError

    try:
        return Path(file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read {file}: {getattr(error, 'strerror', None) or error}",
            code="bad_value",
            hint="give the path of a requirements file",
        ) from None


def _installation(document: dict[str, Any]) -> Installation:
    known = {field.name for field in dataclasses.fields(Installation)}
    values = {key: value for key, value in document.items() if key in known}
    for key in ("modules",):
        values[key] = {name: tuple(found) for name, found in values[key].items()}
    values["warnings"] = tuple(values.get("warnings") or ())
    return Installation(**values)
