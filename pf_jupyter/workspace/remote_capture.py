"""What a server tells of a capture, and of the checks of an adoption."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .capture_api import Capture, CaptureDifference, CapturedPackage, LeftOut
from .remote_wire import check_from_json

if TYPE_CHECKING:
    from .adoption_api import OnCheck


def prepared(name: str, to: str | Path | None) -> Path:
    """Return the folder to write (UsageError, AlreadyExists)."""
    from ..environments.capture_folder import check_folder

    folder = Path(to if to is not None else name).expanduser().absolute()
    check_folder(name, folder)
    return folder


def written(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files that a server gave.

    Raises
    ------
    UsageError
        They cannot be written, or lead elsewhere.
    """
    for name, data in files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"{name} leads out of {folder}", code="cannot_write")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(data))
        except OSError as error:
            raise UsageError(
                f"{path} cannot be written: {error.strerror or error}",
                code="cannot_write",
                hint="choose another folder with --to",
            ) from error


def capture_from_json(document: Mapping[str, Any]) -> Capture:
    """Return the capture that a server told of."""
    return Capture(
        runtime=document["runtime"],
        name=document["name"],
        version=document["version"],
        folder=Path(document["folder"]),
        image=document["image"],
        digest=document["digest"],
        base=document["base"],
        taken=[CapturedPackage(**one) for one in document["taken"]],
        counts=dict(document["counts"]),
        differences=[CaptureDifference(**one) for one in document["differences"]],
        left=[LeftOut(**one) for one in document["left"]],
        duration_ms=document["duration_ms"],
        phases=[(one["phase"], one["seconds"]) for one in document["phases"]],
    )


def tell_checks(checks: Sequence[Mapping[str, Any]], on_check: OnCheck | None) -> None:
    """Tell a listener of checks that were made elsewhere."""
    for check in checks if on_check is not None else ():
        assert on_check is not None
        on_check(check_from_json(check))
