"""Files and folders of this machine on their way to a server, and files from there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import Unreachable
from ..home import home_folder
from ..store.home import make_private_folder
from .definition_parcel import definition_parcel
from .parcels import Named, file_digest, files_in, folder_digest, pack
from .remote_client import Client

NOT_HERE = "file_not_here"
PIECE_BYTES = 8 * 1024**2
_TRIES = 20
FETCHED = "fetched"
"""In the folder of this process's own workspace: what was fetched from servers."""


class SentFile:
    """A file, as a server is told of it.

    Parameters
    ----------
    client
        Asks the server.
    path
        The file.
    stays
        Whether it will be there for as long as the server may need it.
    """

    missing = NOT_HERE

    def __init__(self, client: Client, path: Path, *, stays: bool = True) -> None:
        self._client = client
        self._path = path.expanduser().absolute()
        self._stays = stays
        self._digest = file_digest(self._path)

    def reference(self) -> dict[str, Any]:
        """Return the path, and the digest that proves that both see the same file."""
        if not self._stays:
            return self.uploaded()
        return {"path": str(self._path), "digest": self._digest}

    def uploaded(self) -> dict[str, Any]:
        """Give the server the file, and return what it knows it by."""
        give(self._client, self._path, self._digest)
        return {"upload": self._digest, "name": self._path.name}


class SentFolder:
    """A folder or what counts of it, as a server is told of it.

    Parameters
    ----------
    client
        Asks the server.
    path
        What is meant: the folder, or a file in it that needs others.
    name
        Of the folder that holds all files.
    files
        What counts, by POSIX paths in it.
    entry
        POSIX path of what is meant in it; None for all of it.
    """

    missing = NOT_HERE

    def __init__(
        self,
        client: Client,
        path: Path,
        name: str,
        files: Sequence[Named],
        entry: str | None = None,
    ) -> None:
        self._client = client
        self._path = path
        self._name = name
        self._files = files
        self._entry = entry
        self._digest = folder_digest(files)

    def reference(self) -> dict[str, Any]:
        """Return the path, and the digest that proves that both see the same files."""
        return {"path": str(self._path), "digest": self._digest}

    def uploaded(self) -> dict[str, Any]:
        """Give the server the files, and return what it knows them by."""
        with tempfile.TemporaryDirectory(prefix="pf-sent-") as place:
            whole = Path(place) / "whole.tar"
            with whole.open("wb") as stream:
                pack(self._files, stream)
            give(self._client, whole, self._digest)
        return {
            "upload": self._digest,
            "name": self._name,
            "folder": True,
            "entry": self._entry,
        }


def sent_data(client: Client, path: Path) -> SentFile | SentFolder:
    """Return the data of a batch, a file or a folder of them (NotFound)."""
    path = path.expanduser().absolute()
    if path.is_dir():
        return SentFolder(client, path, path.name or "data", files_in(path))
    return SentFile(client, path)


def sent_definition(client: Client, source: Path, limit: int) -> SentFolder:
    """Return the definition of an environment with all that it refers to.

    Raises
    ------
    NotFound, EnvironmentInvalid, UsageError
        There is none, it has problems, or its context cannot be sent.
    """
    parcel = definition_parcel(source, limit)
    path = source.expanduser().absolute()
    return SentFolder(client, path, parcel.name, parcel.files, parcel.entry)


def give(client: Client, file: Path, digest: str) -> None:
    """Give a server what it lacks of a file.

    Raises
    ------
    PfError
        What the server answered: it takes no files of this person, say.
    """
    where = {"digest": digest}
    found = client.call("files.show", where)
    size = file.stat().st_size
    with file.open("rb") as stream:
        while not found["complete"]:
            stream.seek(found["size"])
            found = client.call(
                "files.put",
                where,
                data=stream.read(PIECE_BYTES),
                query={"offset": found["size"], "size": size},
            )


def fetch(client: Client, made: Mapping[str, Any], to: Path) -> None:
    """Write a file that a server has made, whole or not at all.

    Raises
    ------
    Unreachable
        It was cut too often, or is not what was made.
    """
    where = {"digest": str(made["digest"])}

    def ask(offset: int) -> Iterator[bytes]:
        return client.content("files.get", where, query={"offset": offset})

    with _arriving(to) as part:
        _receive(ask, part)
        if file_digest(part) != made["digest"]:
            raise _cut(str(made["name"]))


def fetch_outputs(client: Client, run_id: str, stamp: Mapping[str, Any] | None) -> Path:
    """Return the outputs of a batch as a file of this machine.

    Parameters
    ----------
    client
        Asks the server.
    run_id
        The batch.
    stamp
        Size and time of the file there; None when there is none yet.
    """
    file = home_folder() / FETCHED / run_id / "output.jsonl"
    if stamp is None:
        return file
    known = (int(stamp["size"]), int(stamp["modified"]))
    try:
        found = file.stat()
        if (found.st_size, found.st_mtime_ns) == known:
            return file
    except OSError:
        pass

    def ask(offset: int) -> Iterator[bytes]:
        where = {"run_id": run_id}
        return client.content("runs.outputs", where, query={"offset": offset})

    make_private_folder(file.parent)
    with _arriving(file) as part:
        _receive(ask, part)
        if part.stat().st_size == known[0]:
            os.utime(part, ns=(known[1], known[1]))
    return file


@contextmanager
def _arriving(to: Path) -> Iterator[Path]:
    part = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


def _receive(ask: Callable[[int], Iterator[bytes]], part: Path) -> None:
    """Write a content that may be cut again and again."""
    with part.open("wb") as stream:
        for _ in range(_TRIES):
            try:
                for piece in ask(stream.tell()):
                    stream.write(piece)
            except ConnectionError:
                continue
            return
    raise _cut(part.name)


def _cut(name: str) -> Unreachable:
    return Unreachable(
        f"{name} did not come whole from the server",
        code="server_unreachable",
        hint="try again; is there a proxy that cuts long answers?",
    )


def lines_of(pieces_: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines of a content that comes in pieces; a cut one is left out."""
    rest = b""
    for piece in pieces_:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
