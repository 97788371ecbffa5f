"""Byte code for a Python that is not this one: compiled by that Python itself.

The runtime gets the sources over a stream and answers with what it made of them; what
it cannot compile it would not import either.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from pf_jupyter.engines.api import ByteStream
from pf_jupyter.errors import RuntimeFailed

_PIECE = 1 << 20
_LENGTH = 8

PROGRAM = """
import importlib.util, io, marshal, sys, tarfile
i, o = sys.stdin.buffer, sys.stdout.buffer
sources = tarfile.open(fileobj=io.BytesIO(i.read(int.from_bytes(i.read(8), "big"))))
answer = io.BytesIO()
made = tarfile.open(fileobj=answer, mode="w")
for item in sources:
    source = sources.extractfile(item).read()
    try:
        code = compile(source, sys.argv[1] + "/" + item.name, "exec", 0, True, 0)
    except Exception:
        continue
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")
    data = head + importlib.util.source_hash(source) + marshal.dumps(code)
    info = tarfile.TarInfo(importlib.util.cache_from_source(item.name))
    info.size = len(data)
    made.addfile(info, io.BytesIO(data))
made.close()
data = answer.getvalue()
o.write(len(data).to_bytes(8, "big") + data)
o.flush()
"""
"""To be started with the folder that the sources will be in as its argument."""


def add_byte_code(stream: ByteStream, folder: Path) -> int:
    """Let the runtime's Python compile all that is below a folder.

    Parameters
    ----------
    stream
        Runs `PROGRAM` under that Python; closed at the end.
    folder
        The sources; the byte code is put beside them.

    Returns
    -------
    How many files were made.

    Raises
    ------
    RuntimeFailed
        The program ended before it answered.
    """
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in sorted(folder.rglob("*.py")):
            tar.add(path, path.relative_to(folder).as_posix(), recursive=False)
    data = archive.getvalue()
    try:
        stream.write(len(data).to_bytes(_LENGTH, "big"))
        for start in range(0, len(data), _PIECE):
            stream.write(data[start : start + _PIECE])
        size = int.from_bytes(_read(stream, _LENGTH), "big")
        answer = _read(stream, size)
    finally:
        stream.close()
    with tarfile.open(fileobj=io.BytesIO(answer)) as made:
        members = [item for item in made.getmembers() if item.isreg()]
        for item in members:
            content = made.extractfile(item)
            target = (folder / item.name).resolve()
            # what comes from a runtime is not trusted to stay in the folder
            if content is not None and target.is_relative_to(folder.resolve()):
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(content.read())
    return len(members)


def _read(stream: ByteStream, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = stream.read(min(_PIECE, size - len(data)))
        if not piece:
            raise RuntimeFailed(
                "the runtime's Python ended while it compiled the packages",
                phase="install",
                log=stream.stderr(),
                code="compile_failed",
                hint="look whether the runtime has enough memory",
            )
        data += piece
    return bytes(data)
