"""Files of those who ask."""

from __future__ import annotations

import re
from typing import Any

from ...errors import NotFound
from ...workspace.serving import require
from .. import models
from ..content import Content, content_of
from ..files import PIECE_BYTES
from ..verb import Ask, verb

_DIGEST = re.compile(r"[0-9a-f]{64}")


@verb("files.show", answer=models.FileAnswer)
def _show(ask: Ask) -> Any:
    digest = _digest(ask)
    size, complete = ask.served.files.have(ask.principal, digest)
    return models.FileAnswer(digest=digest, size=size, complete=complete)


@verb("files.put", query=models.Piece, answer=models.FileAnswer, takes_bytes=True)
def _put(ask: Ask) -> Any:
    require(ask.workspace, "run.create")
    digest = _digest(ask)
    size, complete = ask.served.files.put(
        ask.principal, digest, ask.query.offset, ask.query.size, ask.body[:PIECE_BYTES]
    )
    return models.FileAnswer(digest=digest, size=size, complete=complete)


@verb("files.get", query=models.From)
def _get(ask: Ask) -> Content:
    digest = _digest(ask)
    path = ask.served.files.content(ask.principal, digest)
    return content_of(path, digest[:12], offset=ask.query.offset)


def _digest(ask: Ask) -> str:
    digest = ask.path["digest"]
    if not _DIGEST.fullmatch(digest):
        raise NotFound(
            f"there is no file {digest!r}",
            code="file_not_here",
            hint="a file is known by the SHA-256 of its content",
        )
    return digest
