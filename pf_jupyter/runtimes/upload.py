"""Sending a flow's folder to a worker: only the contents that it lacks."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from ..flow.contents import SnapshotFile

_PORTION_BYTES = 1 << 20


def portions(files: Sequence[SnapshotFile]) -> Iterator[dict[str, str]]:
    """Yield the files' contents, base64 by digest, about 1 MB at a time."""
    portion: dict[str, str] = {}
    size = 0
    for file in files:
        try:
            content = file.absolute.read_bytes()
        except OSError as error:
            raise UsageError(
                f"{file.path} cannot be read: {error.strerror or error}",
                code="file_changed",
                hint="it was there a moment ago; run the flow again",
            ) from None
        if hashlib.sha256(content).hexdigest() != file.digest:
            raise UsageError(
                f"{file.path} changed while the flow's folder was being sent",
                code="file_changed",
                hint="run the flow again; what writes all the time belongs elsewhere",
            )
        portion[file.digest] = base64.b64encode(content).decode("ascii")
        size += len(content)
        if size >= _PORTION_BYTES:
            yield portion
            portion, size = {}, 0
    if portion:
        yield portion
