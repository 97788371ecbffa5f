"""Flows whose files this machine does not see, and where they are put."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import shutil
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ..errors import NotFound, UsageError
from ..workspace.serving import same_flow
from .models import FlowUpload, UploadedFile, UploadFlow

_RESERVED = {"", ".", ".."}


class Uploads:
    """The uploaded flows of one server.

    Parameters
    ----------
    folder
        Where they live.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()

    def take(self, principal: str, given: UploadFlow) -> None:
        """Write a flow's files, in place of those of the same key.

        Raises
        ------
        UsageError
            A path leads elsewhere, or the files are not those of the digest.
        """
        place = self._place(principal, given.key)
        name = one_name(given.name)
        fresh = place.with_name(f".{given.key}-{uuid.uuid4().hex}")
        try:
            _write(fresh / name, given.files)
            if not same_flow(_flow(fresh / name, given.file), given.digest):
                raise UsageError(
                    "the files that came are not those of the digest",
                    code="upload_incomplete",
                    hint="try again; files of additional_includes that are outside of "
                    "the flow's folder must be inside of it for a server that does not "
                    "see them",
                )
            with self._guard:
                old = place.with_name(f".{given.key}-{uuid.uuid4().hex}")
                if place.exists():
                    place.replace(old)
                fresh.replace(place)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def find(self, principal: str, flow: FlowUpload) -> Path:
        """Return the path of an uploaded flow (NotFound, ``flow_not_here``)."""
        folder = self._place(principal, flow.upload) / one_name(flow.name)
        path = _flow(folder, flow.file)
        if not same_flow(path, flow.digest):
            raise NotFound(
                f"the files of flow {flow.name!r} are not here",
                code="flow_not_here",
                hint="send them first: POST flows/uploads",
            )
        return path

    def _place(self, principal: str, key: str) -> Path:
        owner = hashlib.sha256(principal.encode("utf-8", "replace")).hexdigest()[:32]
        return self._folder / owner / key


def _write(folder: Path, files: Sequence[UploadedFile]) -> None:
    folder.mkdir(mode=0o700, parents=True)
    for file in files:
        parts = PurePosixPath(file.path).parts
        wrong = file.path.startswith("/") or "\\" in file.path or "\0" in file.path
        if (
            wrong
            or not parts
            or any(part in _RESERVED or ":" in part for part in parts)
        ):
            raise UsageError(
                f"{file.path!r} cannot be the path of a flow's file",
                code="bad_path",
                hint="paths are relative to the flow's folder and stay inside of it",
            )
        target = folder.joinpath(*parts)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            data = base64.b64decode(file.content, validate=True)
            target.write_bytes(data)
            os.chmod(target, 0o700 if file.mode & 0o100 else 0o600)
        except binascii.Error:
            raise UsageError(
                f"the content of {file.path!r} is no base64", code="bad_value"
            ) from None
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{file.path!r} cannot be written: {error}", code="bad_path"
            ) from None


def _flow(folder: Path, file: str | None) -> Path:
    return folder if file is None else folder / one_name(file)


def one_name(name: str) -> str:
    """Return the name of a file or folder that can be one (UsageError)."""
    if name in _RESERVED or "/" in name or "\\" in name or "\0" in name:
        raise UsageError(
            f"{name!r} cannot be the name of a folder or file", code="bad_path"
        )
    return name
