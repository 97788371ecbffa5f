"""What the worker consists of, packed for the way into a runtime.

A container needs nothing of ours installed: the command that starts the worker carries
a short program, which asks for the rest over the same stream unless the rest is there
already, from an earlier start or as part of the image.
"""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_FLOW_MODULES = (
    "front_matter",
    "model",
    "order",
    "reference",
    "values",
    "variants",
)
_EPOCH = (1980, 1, 1, 0, 0, 0)
MANIFEST = "MANIFEST"
# The real one resolves names that the worker does not carry.
_OWN = {"pf_jupyter/__init__.py": b'"""The part that runs inside a runtime."""\n'}
BAKED_FOLDER = "/opt/pf_jupyter"
"""Where an image may carry the unpacked archive, in a folder named by its digest."""


@dataclass(frozen=True)
class Bundle:
    """The worker's code: a zip archive and the digest of its contents."""

    digest: str
    archive: bytes

    def unpack(self, folder: Path) -> Path:
        """Write the files to ``folder/<digest>``, as an image would carry them."""
        target = folder / self.digest
        with zipfile.ZipFile(io.BytesIO(self.archive)) as archive:
            archive.extractall(target)
        return target


def source_files() -> dict[str, Path]:
    """Return where the worker's files are, by their names in the archive."""
    chosen = [_PACKAGE / "errors.py", _PACKAGE / "flow" / "__init__.py"]
    chosen += [_PACKAGE / "flow" / f"{name}.py" for name in _FLOW_MODULES]
    chosen += sorted((_PACKAGE / "worker").rglob("*"))
    return {
        f"pf_jupyter/{path.relative_to(_PACKAGE).as_posix()}": path
        for path in chosen
        if path.is_file() and "__pycache__" not in path.parts
    }


@functools.cache
def bundle() -> Bundle:
    """Return the worker's code; the same bytes on every machine."""
    files = {name: path.read_bytes() for name, path in source_files().items()}
    files |= _OWN
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return Bundle(digest.hexdigest(), archive_of(files))


def archive_of(files: Mapping[str, bytes]) -> bytes:
    """Return files by their names as the archive that the worker's start unpacks."""
    files = {**files, **_OWN}
    files[MANIFEST] = "\n".join(sorted(files)).encode()
    buffer = io.BytesIO()
    # Stored: a compressor's output differs between its versions, a digest must not.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


# Runs on a bare Python 3.9 that was started with -I -S; imports little, since each
# import delays the first answer. A folder in a place where others may write is trusted
# only when it is ours and closed to them.
_PROGRAM = """\
import os, sys
D = {digest!r}
def ours(p):
    try:
        os.mkdir(p, 0o700)
    except FileExistsError:
        pass
    except OSError:
        return None
    s = os.lstat(p)
    if os.name != "nt" and (s.st_uid != os.getuid() or s.st_mode & 0o170077 != 0o40000):
        return None
    return p if os.access(p, os.W_OK) else None
def base():
    d = os.environ.get("PF_WORKER_DIR")
    if d:
        os.makedirs(d, exist_ok=True)
        return d
    import tempfile
    u = str(os.getuid()) if hasattr(os, "getuid") else "user"
    return ours(os.path.join(tempfile.gettempdir(), "pf_jupyter-" + u)) or (
        tempfile.mkdtemp(prefix="pf_jupyter-"))
def read(n):
    p = []
    while n:
        b = os.read(0, min(n, 1 << 20))
        if not b:
            sys.exit("the host went away")
        p.append(b)
        n -= len(b)
    return b"".join(p)
def fetch(b):
    from _frozen_importlib_external import MAGIC_NUMBER as g
    m = '{{"type":"bundle","digest":"%s","magic":"%s"}}' % (D, g.hex())
    m = m.encode()
    os.write(1, len(m).to_bytes(4, "big") + m)
    data = read(int.from_bytes(read(4), "big"))
    t = os.path.join(b, "part-%s-%d" % (D, os.getpid()))
    os.mkdir(t)
    z = os.path.join(t, "archive.zip")
    with open(z, "wb") as f:
        f.write(data)
    import zipimport
    a = zipimport.zipimporter(z)
    for name in a.get_data("MANIFEST").decode().split("\\n"):
        p = os.path.join(t, *name.split("/"))
        os.makedirs(os.path.dirname(p), exist_ok=True)
        with open(p, "wb") as f:
            f.write(a.get_data(name))
    os.unlink(z)
    try:
        os.rename(t, os.path.join(b, D))
    except OSError:
        if not os.path.isdir(os.path.join(b, D)):
            raise
def main():
    if os.name == "nt":
        import msvcrt
        for fd in (0, 1):
            msvcrt.setmode(fd, os.O_BINARY)
    b = base()
    c = os.path.join({baked!r}, D)
    if not os.path.isdir(c):
        c = os.path.join(b, D)
        if not os.path.isdir(c):
            fetch(b)
    sys.path.insert(0, c)
    from pf_jupyter.worker.start import begin
    begin(c, b)
main()
"""


def command(python: Sequence[str]) -> list[str]:
    """Return the command that starts the worker.

    Parameters
    ----------
    python
        Command of Python 3.9 or newer, as an engine's ``python()`` gives it.
    """
    program = _PROGRAM.format(digest=bundle().digest, baked=BAKED_FOLDER)
    return [*python, "-I", "-S", "-c", program]
