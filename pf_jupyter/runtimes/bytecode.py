"""The worker's code as this Python compiled it, for runtimes of the same version.

A new container has no compiled code of ours, so its Python would compile each module
before the first answer, which takes longer than everything else of ours on that way.
Runtimes of another version get the sources alone.
"""

from __future__ import annotations

import functools
import marshal
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path

from .bundle import archive_of, source_files

MAGIC = MAGIC_NUMBER.hex()
"""Names the form of bytecode that this Python reads and writes."""
_UNCHECKED = (1).to_bytes(4, "little")
_HEADER_SIZE = 16


@functools.cache
def archive() -> bytes:
    """Return the worker's archive with bytecode beside the sources."""
    contents: dict[str, bytes] = {}
    for name, path in source_files().items():
        contents[name] = source = path.read_bytes()
        if name.endswith(".py") and (code := _code(path)):
            # Times of files do not survive the way, so nothing may depend on them.
            header = MAGIC_NUMBER + _UNCHECKED + source_hash(source)
            contents[Path(cache_from_source(name)).as_posix()] = header + code
    return archive_of(contents)


def _code(path: Path) -> bytes | None:
    """Return a module's marshalled code, None when there is none."""
    cached = Path(cache_from_source(str(path)))
    try:
        data = cached.read_bytes()
        state = path.stat()
    except OSError:
        data = b""
    else:
        stamp = (int(state.st_mtime) & 0xFFFFFFFF, state.st_size & 0xFFFFFFFF)
        expected = MAGIC_NUMBER + bytes(4)
        expected += b"".join(number.to_bytes(4, "little") for number in stamp)
        if data[:_HEADER_SIZE] == expected:
            return data[_HEADER_SIZE:]
    try:
        # This also writes the file that is read the next time, if files may be written.
        found = SourceFileLoader(path.stem, str(path)).get_code(path.stem)
    except (OSError, SyntaxError):
        return None
    return marshal.dumps(found)
