"""Takes stock of a container from inside. Sent there as text: plain Python 3.9.

One question as a line of JSON on stdin, one answer as a line of JSON:

{"do": "survey"}                    what is installed: pip's packages, dpkg's packages
{"do": "states", "paths": […]}      what each path is: a hash, a link, a folder, absent
{"do": "explain", "paths": […], "verify": […]}
                                    which of these paths no package answers for, and
                                    which files of packages are not as they came
{"do": "origins", "names": […]}     versions of dpkg's packages that apt can have
{"do": "debs", "paths": […]}        name and version of package files
{"do": "read", "path": …}           a file's content
"""

import base64
import configparser
import csv
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from typing import Any

MARK = "pf-stock "
STATUS = "/var/lib/dpkg/status"
INFO = "/var/lib/dpkg/info"
LARGE = 256 * 1024 * 1024
# what programs keep for themselves: nobody misses it, and no two are ever equal
STATE = (
    *("/proc", "/sys", "/dev", "/run", "/tmp", "/var/run", "/var/tmp", "/var/log"),
    *("/var/cache", "/var/lib/dpkg", "/var/lib/apt", "/var/lib/systemd"),
    *("/etc/ld.so.cache", "/etc/.pwd.lock", "/etc/machine-id"),
    *("/opt/pf_layers", "/var/lib/python"),
)
PYC = re.compile(r"/__pycache__(/|$)|\.pyc$")


def plain(name: str) -> str:
    """Return a distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def real(path: str) -> str:
    """Return a path as the file system has it: /lib may be a link to /usr/lib."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def distributions() -> Iterator[tuple[str, Any]]:
    """Yield the distributions that an import would find, by their plain names."""
    seen: set[str] = set()
    for found in metadata.distributions():
        try:
            name, version = found.metadata["Name"], found.version
        except Exception:
            continue  # half of one, such as an interrupted removal leaves
        if name and version and plain(name) not in seen:
            seen.add(plain(name))
            yield plain(name), found


def info_folder(found: Any) -> str:
    """Return where a distribution's own metadata lies."""
    return real(str(getattr(found, "_path", "")))


def pip_packages(owned: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return pip's packages; those that a package of dpkg brought name it."""
    answer = {}
    for name, found in distributions():
        direct = json.loads(found.read_text("direct_url.json") or "{}")
        folder = info_folder(found)
        owner = owned.get(folder) or owned.get(folder + "/METADATA")
        answer[name] = {
            "name": found.metadata["Name"],
            "version": found.version,
            "place": str(found.locate_file("")).rstrip("/"),
            "requested": found.read_text("REQUESTED") is not None,
            "url": direct.get("url", ""),
            "commit": (direct.get("vcs_info") or {}).get("commit_id", ""),
            "vcs": (direct.get("vcs_info") or {}).get("vcs", ""),
            "editable": bool((direct.get("dir_info") or {}).get("editable")),
            "owner": owner or owned.get(folder + "/PKG-INFO") or "",
        }
    return answer


def fields(path: str) -> Iterator[dict[str, str]]:
    """Yield the paragraphs of one of Debian's control files."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return
    for paragraph in text.split("\n\n"):
        found: dict[str, str] = {}
        key = ""
        for line in paragraph.split("\n"):
            if line[:1] in (" ", "\t") and key:
                found[key] += "\n" + line.strip()
            elif ":" in line:
                key, _, value = line.partition(":")
                found[key] = value.strip()
        if found:
            yield found


def status_files() -> list[str]:
    """Return dpkg's lists of what is installed."""
    folder = STATUS + ".d"  # images without dpkg itself keep a file for each package
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [STATUS] + [os.path.join(folder, name) for name in names]


def dpkg_packages() -> dict[str, dict[str, Any]]:
    """Return dpkg's packages; those of another machine than most carry its name."""
    found = [
        item
        for path in status_files()
        for item in fields(path)
        if item.get("Package")
        and item.get("Status", "install ok installed").split()[-1] == "installed"
    ]
    machines = [item.get("Architecture", "") for item in found]
    own = max(set(machines) - {"all"}, key=machines.count, default="")
    automatic = {
        item["Package"]
        for item in fields("/var/lib/apt/extended_states")
        if item.get("Auto-Installed") == "1" and "Package" in item
    }
    answer = {}
    for item in found:
        name = item["Package"]
        if item.get("Architecture", own) not in (own, "all", ""):
            name += ":" + item["Architecture"]
        answer[name] = {
            "version": item.get("Version", ""),
            "automatic": item["Package"] in automatic,
            "conffiles": item.get("Conffiles", ""),
        }
    return answer


def dpkg_files(only: str = "") -> dict[str, str]:
    """Return which package of dpkg answers for a path, of those that hold a text."""
    found: dict[str, str] = {}
    if not os.path.isdir(INFO):
        return found
    for file in sorted(os.listdir(INFO)):
        if not file.endswith(".list"):
            continue
        with open(os.path.join(INFO, file), encoding="utf-8", errors="replace") as f:
            for line in f:
                path = line.rstrip("\n")
                if only in path:
                    found[real(path)] = file[:-5].partition(":")[0]
    return found


def dpkg_sums() -> dict[str, str]:
    """Return the MD5 that each file of a package came with."""
    found: dict[str, str] = {}
    names = os.listdir(INFO) if os.path.isdir(INFO) else []
    for file in names:
        if file.endswith(".md5sums"):
            with open(os.path.join(INFO, file), encoding="utf-8") as lines:
                for line in lines:
                    value, _, path = line.rstrip("\n").partition("  ")
                    found[real("/" + path)] = value
    for item in dpkg_packages().values():
        for line in item["conffiles"].split("\n"):
            words = line.split()
            if len(words) >= 2:
                found[real(words[0])] = words[1]
    return found


def indexes() -> list[list[str]]:
    """Return where pip is told to look, by its files and variables here."""
    files = [
        "/etc/pip.conf",
        os.path.expanduser("~/.pip/pip.conf"),
        os.path.expanduser("~/.config/pip/pip.conf"),
        os.path.join(sys.prefix, "pip.conf"),
        os.environ.get("PIP_CONFIG_FILE", ""),
    ]
    found: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update(parser.items(section))
    names = ("index-url", "extra-index-url", "find-links", "trusted-host", "no-index")
    answer = []
    for name in names:
        value = os.environ.get("PIP_" + name.upper().replace("-", "_"))
        for word in (found.get(name, "") if value is None else value).split():
            answer.append(["--" + name, word])
    return answer


def survey(question: dict[str, Any]) -> dict[str, Any]:
    """Return what is installed here."""
    del question
    owned = dpkg_files("-packages/")
    stdlib = os.path.dirname(os.__file__)
    other = [p for p in ("/lib/apk/db/installed", "/var/lib/rpm") if os.path.exists(p)]
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "executable": sys.executable,
        "machine": platform.machine(),
        "uid": getattr(os, "getuid", lambda: -1)(),
        "home": os.path.expanduser("~"),
        "pip": pip_packages(owned),
        "dpkg": dpkg_packages(),
        "others": other,
        "indexes": indexes(),
        "has_pip": find_spec("pip") is not None,
        "managed": os.path.exists(os.path.join(stdlib, "EXTERNALLY-MANAGED")),
    }


def hashed(path: str, kind: str = "sha256") -> str | None:
    """Return a file's hash, None when it cannot be read."""
    whole = hashlib.new(kind)
    try:
        with open(path, "rb") as file:
            while True:
                piece = file.read(1 << 20)
                if not piece:
                    return whole.hexdigest()
                whole.update(piece)
    except OSError:
        return None


def state(path: str) -> str:
    """Return in one word what is at a path."""
    try:
        found = os.lstat(path)
    except OSError:
        return "absent"
    if os.path.islink(path):
        return "link " + os.readlink(path)
    if os.path.isdir(path):
        return "folder"
    if not os.path.isfile(path):
        return "special"
    if found.st_size > LARGE:
        return f"size {found.st_size}"
    return f"{found.st_mode & 0o111:o} {hashed(path) or 'unreadable'}"


def states(question: dict[str, Any]) -> dict[str, Any]:
    """Return what each path is."""
    return {"states": {path: state(path) for path in question["paths"]}}


def recorded(found: Any) -> Iterator[tuple[str, str]]:
    """Yield the files of a distribution, with the hash that each came with."""
    try:
        text = found.read_text("RECORD")
    except Exception:
        return
    for row in csv.reader((text or "").splitlines()):
        if row:
            path = real(str(found.locate_file(row[0])))
            yield path, row[1] if len(row) > 1 else ""


def differs(path: str, wanted: str) -> bool:
    """Tell whether a file of a distribution is not as it came."""
    kind, _, value = wanted.partition("=")
    try:
        have = hashed(path, kind)
    except ValueError:
        return False
    if have is None:
        return not os.path.lexists(path)
    pad = "=" * (-len(value) % 4)
    return base64.urlsafe_b64decode(value + pad).hex() != have


def explain(question: dict[str, Any]) -> dict[str, Any]:
    """Return which paths no package answers for, and which files were edited."""
    verify, changed = set(question["verify"]), set(question["paths"])
    known: set[str] = set()
    edited: dict[str, str] = {}
    for name, found in distributions():
        for path, wanted in recorded(found):
            known.add(path)
            if wanted and (name in verify or path in changed) and differs(path, wanted):
                edited[path] = found.metadata["Name"]
        folder = info_folder(found)
        known.update(p for p in changed if p.startswith(folder + "/"))
        if os.path.isfile(folder):
            known.add(folder)
    owners, sums = dpkg_files(), dpkg_sums()
    for path in changed & set(owners):
        if path in sums:
            known.add(path)
            if not (os.path.isfile(path) and hashed(path, "md5") == sums[path]):
                edited[path] = owners[path]
    homes = (os.path.expanduser(user) for user in ("~", "~root"))
    quiet = (*STATE, *(f"{home}/.cache" for home in homes))
    left = [
        path
        for path in sorted(changed - known)
        if not PYC.search(path)
        and not any(path == one or path.startswith(one + "/") for one in quiet)
        and not (os.path.isdir(path) and not os.path.islink(path))
    ]
    paths = [*left, *edited]
    return {
        "unowned": left,
        "edited": edited,
        "states": {path: state(path) for path in paths},
    }


def origins(question: dict[str, Any]) -> dict[str, Any]:
    """Return the versions of packages that apt's sources have, as far as it knows."""
    found: dict[str, list[str]] = {}
    try:
        said = subprocess.run(
            ["apt-cache", "madison", *question["names"]],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=60,
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.SubprocessError):
        return {"origins": found}
    for line in said.splitlines():
        parts = [part.strip() for part in line.split("|")]
        if len(parts) == 3:
            found.setdefault(parts[0], []).append(parts[1])
    return {"origins": found}


def debs(question: dict[str, Any]) -> dict[str, Any]:
    """Return name and version of package files."""
    found = {}
    for path in question["paths"]:
        try:
            said = subprocess.run(
                ["dpkg-deb", "--show", "--showformat", "${Package} ${Version}", path],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=60,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        words = said.stdout.decode("utf-8", "replace").split()
        if said.returncode == 0 and len(words) == 2:
            found[path] = words
    return {"debs": found}


def read(question: dict[str, Any]) -> dict[str, Any]:
    """Return a file's content, None when it cannot be had."""
    try:
        with open(question["path"], "rb") as file:
            data = file.read(LARGE + 1)
    except OSError as error:
        return {"data": None, "why": error.strerror or str(error)}
    if len(data) > LARGE:
        return {"data": None, "why": "it is larger than 256 MB"}
    mode = os.stat(question["path"]).st_mode & 0o7777
    return {"data": base64.b64encode(data).decode("ascii"), "mode": mode}


def main() -> None:
    """Answer the question on stdin."""
    if sys.path and sys.path[0] == "":
        del sys.path[0]
    out, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr
    question = json.loads(sys.stdin.readline())
    do = {f.__name__: f for f in (survey, states, explain, origins, debs, read)}
    answer = do[question["do"]](question)
    out.write(MARK + json.dumps(answer) + "\n")
    out.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
