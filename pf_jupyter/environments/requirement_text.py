"""The lines of requirements files, and what one requirement's text tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

URL = re.compile(r"(?:[a-z][a-z0-9+.-]*):(?://|/)", re.IGNORECASE)
_ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")


def without_login(text: str) -> str:
    """Return text without the logins that URLs in it carry."""
    return _LOGIN.sub("***@", text)


def logical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (line, column, text) of what is neither empty nor a comment."""
    number, held = 0, ""
    for index, line in enumerate(text.split("\n"), 1):
        if not held:
            number = index
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            held += line[:-1]
            continue
        whole = held + ("" if is_comment and held else line)
        held = ""
        stripped = _COMMENT.sub("", whole).strip()
        if stripped:
            yield number, len(whole) - len(whole.lstrip()) + 1, stripped
    if held and (stripped := _COMMENT.sub("", held).strip()):
        yield number, len(held) - len(held.lstrip()) + 1, stripped


def local_path(text: str, folder: Path) -> Path | None:
    """Return the path that a requirement is, or None if it is something else."""
    plain = re.sub(r"\[[^\]]*\]$", "", text)
    if plain.lower().startswith("file:"):
        return folder / url2pathname(urlsplit(plain).path)
    if URL.match(plain) or re.match(r"[A-Za-z0-9._-]+\s*(\[[^\]]*\])?\s*@", plain):
        return None
    named = plain.startswith((".", "/", "\\", "~")) or re.match(r"[A-Za-z]:\\", plain)
    if named or plain.lower().endswith(_ARCHIVES):
        return folder / Path(plain).expanduser()
    # pip takes 'wheels/thing' for a folder when there is one
    has_separator = "/" in plain.split(";")[0]
    return folder / plain if has_separator and (folder / plain).exists() else None


def name_of_file(text: str) -> str:
    """Return the distribution that a path or URL names, "" when it does not tell."""
    file = re.split(r"[/\\]", re.split(r"[#?]", text)[0])[-1]
    named = re.search(r"#egg=([A-Za-z0-9._-]+)", text)
    try:
        if named:
            return canonicalize_name(named[1])
        if file.endswith(".whl"):
            return parse_wheel_filename(file)[0]
        if file.endswith((".tar.gz", ".zip")):
            return parse_sdist_filename(file)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        pass  # only building it would tell
    return ""


def syntax_hint(text: str) -> str:
    """Return how to write what is no requirement."""
    if re.match(r"[A-Za-z0-9._-]+\s*=\s*[0-9]", text):
        name, _, version = text.partition("=")
        return f"one '=' is conda's way: write '{name.strip()}=={version.strip()}'"
    if re.match(r"[A-Za-z0-9._-]+\s+[0-9]", text):
        name, version = text.split(None, 1)
        return f"write '{name}=={version}'"
    return "write it as name==1.2, name>=1.2,<2, name~=1.2, or the path of a wheel"
