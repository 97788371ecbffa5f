"""Files as answers: written as fast as they are read, and never held in memory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tornado.iostream import StreamClosedError

from ..errors import UsageError
from ..workspace.parcels import pieces
from .log import log

if TYPE_CHECKING:
    from .handlers import PfHandler

BINARY = "application/octet-stream"
LINES = "application/jsonl"


@dataclass
class Content:
    """What is answered with.

    Parameters
    ----------
    name
        What a browser calls the file.
    media
        Its kind.
    pieces
        Its content, bit by bit; asked for in a thread.
    size
        In bytes, if it is known before.
    """

    name: str
    media: str
    pieces: Iterator[bytes]
    size: int | None = None


def content_of(path: Path, name: str, media: str = BINARY, offset: int = 0) -> Content:
    """Return a file as an answer, from some byte on (UsageError)."""
    stream = path.open("rb")
    size = path.stat().st_size
    if offset > size:
        stream.close()
        raise UsageError(
            f"the file has {size} bytes",
            code="bad_value",
            hint="begin at one of them",
        )
    stream.seek(offset)
    return Content(name, media, pieces(stream), size - offset)


async def write_content(handler: PfHandler, content: Content) -> None:
    """Write all of it, waiting for the reader."""
    loop = asyncio.get_running_loop()
    name = re.sub(r"[^\w.+-]+", "_", content.name, flags=re.ASCII)
    handler.set_header("Content-Type", content.media)
    handler.set_header("Content-Disposition", f'attachment; filename="{name}"')
    handler.set_header("X-Content-Type-Options", "nosniff")
    if content.size is not None:
        handler.set_header("Content-Length", str(content.size))
    try:
        while True:
            piece = await loop.run_in_executor(
                handler.served.calls, next, content.pieces, None
            )
            if piece is None:
                break
            handler.write(piece)
            await handler.flush()
        handler.finish(set_content_type=content.media)
    except StreamClosedError:
        pass  # the reader has gone
    except Exception:
        # the beginning is sent already: only a cut tells that this is not all of it
        log.exception("a file could not be sent to its end")
        handler.request.connection.stream.close()  # type: ignore[union-attr]
    finally:
        close = getattr(content.pieces, "close", None)
        if close is not None:
            close()
