"""Writes a root file system with one Python in it, as a tar.

This file is not imported: the interpreter that goes into the image runs it, so that
its own compiler and settings are asked. Plain Python 3.9, standard library only.

    python -I -S rootfs.py PLAN.json OUTPUT.tar
"""

import importlib.machinery
import importlib.util
import io
import json
import marshal
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import types
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
PREFIX = "usr/local"
# one date for all: two builds of the same things give the same bytes
DATE = 1577836800
SKIPPED_FOLDERS = {
    "__pycache__",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "site-packages",
    "dist-packages",
}
SKIPPED_FILES = re.compile(
    r"(_tkinter|_test|_ctypes_test|_xxtestfuzz|xxlimited|_xx)[^/]*\.so$|turtle\.py$"
    r"|\.(a|exe|orig)$"
    # a distribution's mark that only its own tools may install: not so in an image
    r"|EXTERNALLY-MANAGED$"
)
PROGRAMS = """
    bash sh cat ls cp mv rm mkdir rmdir ln chmod chown touch env echo head tail
    sleep uname id whoami hostname date df du wc sort uniq tr cut tee true false
    test expr mktemp readlink realpath dirname basename stat sha256sum md5sum seq
    printf pwd yes od grep sed awk find xargs tar gzip ps kill
"""
# loaded by name at run time, or wanted by wheels though nothing here links to them
EXTRA_LIBRARIES = """
    libc.so.6 libm.so.6 libgcc_s.so.1 libstdc++.so.6 libgomp.so.1 librt.so.1
    libpthread.so.0 libdl.so.2 libutil.so.1 libresolv.so.2 libnss_files.so.2
    libnss_dns.so.2 libnss_compat.so.2
"""
PASSWD = """root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
pf:x:1000:1000:pf:/home/pf:/bin/bash
"""
GROUP = """root:x:0:
tty:x:5:
nogroup:x:65534:
pf:x:1000:
"""
FOLDERS = "home proc sys dev run root usr/lib64 usr/sbin var/lib opt srv"
PIP = """#!/usr/local/bin/python3
import sys
from pip._internal.cli.main import main
sys.exit(main())
"""
NSSWITCH = """passwd: files
group: files
hosts: files dns
services: files
protocols: files
"""


class Tar:
    """A tar that gets every path once, its folders before their files."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._seen: Set[str] = set()
        for name in ("bin", "sbin", "lib", "lib64"):
            self.link(name, "usr/" + name)

    def _add(
        self, name: str, kind: bytes, mode: int, data: bytes = b"", target: str = ""
    ) -> None:
        if name in self._seen:
            return
        self._seen.add(name)
        parent = os.path.dirname(name)
        if parent:
            self.folder(parent)
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.mtime = kind, mode, DATE
        info.linkname, info.size = target, len(data)
        self._tar.addfile(info, io.BytesIO(data) if kind == tarfile.REGTYPE else None)

    def folder(self, name: str, mode: int = 0o755) -> None:
        """Add a folder."""
        self._add(name, tarfile.DIRTYPE, mode)

    def link(self, name: str, target: str) -> None:
        """Add a symbolic link."""
        self._add(name, tarfile.SYMTYPE, 0o777, target=target)

    def data(self, name: str, data: bytes, mode: int = 0o644) -> None:
        """Add a file of these bytes."""
        self._add(name, tarfile.REGTYPE, mode, data)

    def file(self, name: str, source: str) -> None:
        """Add a copy of a file of this machine."""
        if name in self._seen:
            return
        with open(source, "rb") as file:
            data = file.read()
        mode = 0o755 if os.access(source, os.X_OK) else 0o644
        self._add(name, tarfile.REGTYPE, mode, data)

    def has(self, name: str) -> bool:
        """Tell whether a path is there already."""
        return name in self._seen


def placed(path: str) -> str:
    """Return where a system file of the host goes: /lib is a link to /usr/lib."""
    name = os.path.normpath(path).lstrip("/")
    first = name.split("/", 1)[0]
    return "usr/" + name if first in ("bin", "sbin", "lib", "lib32", "lib64") else name


def is_system(path: str) -> bool:
    """Tell whether the loader finds a library there without being told."""
    return bool(
        re.match(r"/(usr/)?lib(32|64)?(/[a-z0-9_]+-linux-[a-z0-9]+)?/[^/]+$", path)
    )


def libraries(files: List[str]) -> Dict[str, str]:
    """Return {name: path} of the shared libraries that files link to, all levels."""
    answer = subprocess.run(
        ["ldd", *files], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60
    ).stdout.decode("utf-8", "replace")
    found: Dict[str, str] = {}
    for line in answer.splitlines():
        match = re.match(r"\s+(?:(\S+) => )?(/\S+) \(0x", line)
        if match:
            name = match.group(1) or match.group(2)
            found.setdefault(name, match.group(2))
    return found


def add_libraries(tar: Tar, found: Dict[str, str]) -> None:
    """Put libraries where the loader of the image looks for them by itself."""
    system = os.path.dirname(found.get("libc.so.6", "/usr/lib/libc.so.6"))
    for name, path in found.items():
        if name.startswith("/"):
            tar.file(placed(name), path)
        elif is_system(path):
            tar.file(placed(os.path.join(os.path.dirname(path), name)), path)
    for name, path in found.items():
        if name.startswith("/") or is_system(path):
            continue
        # an interpreter with libraries of its own: beside it for a relative search
        # path, linked for an absolute one that the image does not have
        own = "/".join((PREFIX, "lib", name))
        tar.file(own, path)
        linked = placed(os.path.join(system, name))
        if not tar.has(linked):
            tar.link(linked, "/" + own)


def walk(top: str) -> Iterator[Tuple[str, str]]:
    """Yield (path below ``top``, absolute path) of what belongs in the image."""
    if not os.path.isdir(top):
        return
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(
            name
            for name in folders
            if name not in SKIPPED_FOLDERS and not name.startswith("config-")
        )
        for name in sorted(files):
            path = os.path.join(folder, name)
            if not SKIPPED_FILES.search(path) and os.path.isfile(path):
                yield os.path.relpath(path, top), path


def moved(code: types.CodeType, name: str) -> types.CodeType:
    """Return a code object as if it had been compiled from the file ``name``."""
    constants = tuple(
        moved(item, name) if isinstance(item, types.CodeType) else item
        for item in code.co_consts
    )
    return code.replace(co_filename=name, co_consts=constants)


def byte_code(source: bytes, path: str, name: str) -> Optional[bytes]:
    """Return the byte code of a module for the file ``name``, never checked again.

    What the host compiled is taken over when it belongs to this very source.
    """
    code: Optional[types.CodeType] = None
    try:
        with open(importlib.util.cache_from_source(path), "rb") as file:
            cached = file.read()
        status = os.stat(path)
        stamp = int(status.st_mtime).to_bytes(4, "little", signed=False)
        size = (status.st_size & 0xFFFFFFFF).to_bytes(4, "little")
        head = importlib.util.MAGIC_NUMBER + b"\0\0\0\0" + stamp + size
        if cached[:16] == head:
            code = moved(marshal.loads(cached[16:]), name)
    except (OSError, ValueError, EOFError, TypeError, OverflowError):
        pass  # compiled anew
    if code is None:
        try:
            code = compile(source, name, "exec", dont_inherit=True, optimize=0)
        except (SyntaxError, ValueError):
            return None
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")
    return head + importlib.util.source_hash(source) + marshal.dumps(code)


def add_module(tar: Tar, name: str, path: str) -> None:
    """Add a source file and its byte code."""
    with open(path, "rb") as file:
        source = file.read()
    tar.data(name, source)
    code = byte_code(source, path, "/" + name)
    if code is not None:
        folder, base = os.path.split(name)
        cached = f"{base[:-3]}.{sys.implementation.cache_tag}.pyc"
        tar.data("/".join((folder, "__pycache__", cached)), code)


def add_python(tar: Tar) -> List[str]:
    """Add the interpreter and its standard library; return what they link to."""
    executable = os.path.realpath(sys.executable)
    tar.file("/".join((PREFIX, "bin", PYTHON)), executable)
    for name in ("python3", "python"):
        tar.link("/".join((PREFIX, "bin", name)), PYTHON)
    linked = [executable]
    library = "/".join((PREFIX, getattr(sys, "platlibdir", "lib"), PYTHON))
    for folder in {
        os.path.dirname(os.path.realpath(os.__file__)),
        os.path.realpath(sysconfig.get_path("platstdlib") or "/"),
    }:
        for relative, path in walk(folder):
            name = library + "/" + relative
            if path.endswith(".py"):
                add_module(tar, name, path)
            else:
                tar.file(name, path)
            if path.endswith(".so"):
                linked.append(path)
    tar.folder("/".join((PREFIX, "lib", PYTHON, site_folder())))
    return linked


def site_folder() -> str:
    """Return what this Python calls the folder of installed packages."""
    return os.path.basename(sysconfig.get_path("purelib") or "site-packages")


def add_packages(tar: Tar, files: List[Tuple[str, str]]) -> List[str]:
    """Add installed files; compiled ones only where this Python can load them."""
    site = "/".join((PREFIX, "lib", PYTHON, site_folder()))
    endings = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    linked = []
    for relative, path in files:
        name = site + "/" + relative
        if path.endswith(".py"):
            add_module(tar, name, path)
        elif path.endswith(".so"):
            if path.endswith(endings):
                tar.file(name, path)
                linked.append(path)
        else:
            tar.file(name, path)
    if tar.has(site + "/pip/__init__.py"):
        for name in ("pip", "pip3"):
            tar.data("/".join((PREFIX, "bin", name)), PIP.encode(), 0o755)
    return linked


def add_programs(tar: Tar) -> List[str]:
    """Add a shell and the usual commands; return their paths."""
    found = []
    for name in PROGRAMS.split():
        path = shutil.which(name)
        if path is None:
            continue
        path = os.path.realpath(path)
        tar.file("usr/bin/" + name, path)
        found.append(path)
    return found


def add_system(tar: Tar, plan: Dict[str, Any]) -> None:
    """Add the few files under /etc, and the folders that programs expect."""
    tar.data("etc/passwd", PASSWD.encode())
    tar.data("etc/group", GROUP.encode())
    tar.data("etc/nsswitch.conf", NSSWITCH.encode())
    release = 'NAME="pf_jupyter default"\nID=pf_jupyter\nPRETTY_NAME="%s"\n'
    tar.data("etc/os-release", (release % plan["title"]).encode())
    for name in ("/etc/services", "/etc/protocols", "/etc/mime.types"):
        if os.path.isfile(name):
            tar.file(name.lstrip("/"), name)
    with open(plan["certificates"], "rb") as file:
        bundle = file.read()
    tar.data("etc/ssl/certs/ca-certificates.crt", bundle)
    tar.link("etc/ssl/cert.pem", "certs/ca-certificates.crt")
    zones = "/usr/share/zoneinfo"
    for relative, path in walk(zones):
        if not relative.startswith(("posix/", "right/")):
            tar.file("usr/share/zoneinfo/" + relative, path)
    locale = "/usr/lib/locale/C.utf8"
    for relative, path in walk(locale):
        tar.file("usr/lib/locale/C.utf8/" + relative, path)
    for name in FOLDERS.split():
        tar.folder(name)
    tar.folder("home/pf", 0o777)
    tar.folder("tmp", 0o1777)
    tar.folder("var/tmp", 0o1777)


def main() -> None:
    """Write the tar that the plan asks for."""
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    with tarfile.open(sys.argv[2], "w", format=tarfile.GNU_FORMAT) as file_system:
        tar = Tar(file_system)
        linked = add_python(tar)
        linked += add_packages(tar, plan["packages"])
        linked += add_programs(tar)
        found = libraries(linked)
        system = os.path.dirname(found.get("libc.so.6", ""))
        extra = [os.path.join(system, name) for name in EXTRA_LIBRARIES.split()]
        extra = [path for path in extra if os.path.isfile(path)]
        for path in extra:
            found.setdefault(os.path.basename(path), path)
        for name, path in libraries(extra).items() if extra else ():
            found.setdefault(name, path)
        add_libraries(tar, found)
        add_system(tar, plan)


if __name__ == "__main__":
    main()
