"""Files of those who ask."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from .base import Answer, Asked, Digest, Name, Text

MOST_BYTES = 64 * 1024**3


class FileHere(Asked):
    """A file or folder below the server's root folder, as its contents are named."""

    contents: Text


class FilePath(Asked):
    """One that both sides see; the digest proves it."""

    path: Text
    digest: Digest


class FileUpload(Asked):
    """One whose content was given to the server; a folder is a tar.

    ``entry`` is what counts in a folder: the file of an environment's definition, say.
    """

    upload: Digest
    name: Name
    folder: bool = False
    entry: Text | None = None


AnyFile = FileHere | FilePath | FileUpload


class Piece(Asked):
    """Where a piece belongs, and how large the whole is, in bytes."""

    model_config = ConfigDict(extra="forbid", strict=False)

    offset: int = Field(0, ge=0, le=MOST_BYTES)
    size: int = Field(ge=0, le=MOST_BYTES)


class From(Asked):
    """From which byte on."""

    model_config = ConfigDict(extra="forbid", strict=False)

    offset: int = Field(0, ge=0, le=MOST_BYTES)


class FileAnswer(Answer):
    """How much of a file is here, in bytes, and whether that is all of it."""

    digest: str
    size: int
    complete: bool


class MadeFile(Answer):
    """A file that was made: ``GET files/DIGEST/content`` gives it for some days."""

    digest: str
    size: int
    name: str
