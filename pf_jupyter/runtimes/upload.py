"""Sending a flow's folder to a worker: only the contents that it lacks."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from ..flow.contents import Snapshot, SnapshotFile
    from .channel import WorkerChannel
    from .pending import Pending

_PORTION_BYTES = 1 << 20


def send_missing(channel: WorkerChannel, snapshot: Snapshot, timeout: float) -> None:
    """Upload what a worker lacks of a snapshot.

    Parameters
    ----------
    channel
        To the worker.
    snapshot
        The flow's folder.
    timeout
        Seconds to wait for each answer.

    Raises
    ------
    UsageError
        A file has changed or gone since the snapshot was taken.
    RuntimeFailed
        The stream ended, or the worker cannot store the files.
    """
    files = list(snapshot.files)
    listed = [
        {"path": f.path, "digest": f.digest, "size": f.size, "mode": f.mode}
        for f in files
    ]
    opened = channel.request("snapshot.open", snapshot=snapshot.digest, files=listed)
    missing = set(opened.result(timeout)["missing"])
    sources = {file.digest: file for file in files if file.digest in missing}
    last: Pending | None = None
    for blobs in portions(list(sources.values())):
        # The next portion is read from disk while the worker writes this one.
        following = channel.request(
            "snapshot.fill", snapshot=snapshot.digest, blobs=blobs
        )
        if last is not None:
            last.result(timeout)
        last = following
    if last is not None:
        last.result(timeout)


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
