"""Asks the published promptflow package, and remembers its answers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .asking import ask
from .case import Case

VERSION = "1.18.5"
HERE = Path(__file__).parent
SNAPSHOT = HERE / "answers.json"
SIDE = HERE / "oracle_side.py"


def cache_folder() -> Path:
    """Return the folder below the user's cache directory that we may fill."""
    if os.environ.get("XDG_CACHE_HOME"):
        base = Path(os.environ["XDG_CACHE_HOME"])
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir()))
    else:
        base = Path.home() / ".cache"
    folder = base / "pf-jupyter-conformance"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def interpreter() -> Path | None:
    """Return the oracle's interpreter, making its environment when there is none.

    ``PF_ORACLE_PYTHON`` names one. ``PF_CONFORMANCE=snapshot`` asks for the committed
    answers instead; they also serve where the package cannot be installed.
    """
    if os.environ.get("PF_CONFORMANCE") == "snapshot":
        return None
    named = os.environ.get("PF_ORACLE_PYTHON")
    if named:
        return Path(named)
    environment = cache_folder() / f"promptflow-{VERSION}"
    tail = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
    python = environment.joinpath(*tail)
    done = environment / "installed"
    if done.exists():
        return python
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    install = [str(python), "-m", "pip", "install", "-q", f"promptflow=={VERSION}"]
    result = subprocess.run([*install, "promptflow-tools"], check=False)
    if result.returncode:
        return None
    done.write_text(VERSION)
    return python


def _fingerprint() -> str:
    parts = [VERSION.encode(), SIDE.read_bytes()]
    parts += [(HERE / n).read_bytes() for n in ("forking.py", "openai_server.py")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def _kept(file: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    if file.exists():
        found = json.loads(file.read_text(encoding="utf-8"))
    return found


def answers_for(cases: list[Case]) -> tuple[dict[str, list[dict[str, Any]]], str]:
    """Return the oracle's results by case key, and where they came from.

    Returns
    -------
    tuple
        Results by `Case.key`; "oracle" or "snapshot".
    """
    python = interpreter()
    if python is None:
        known = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
        return {c.key(): known[c.key()] for c in cases if c.key() in known}, "snapshot"
    file = cache_folder() / f"answers-{VERSION}-{_fingerprint()}.json"
    known = _kept(file)
    missing = [c for c in cases if c.key() not in known]
    if missing:
        workers = min(os.cpu_count() or 1, 4, 1 + len(missing) // 10)
        shares = [missing[i::workers] for i in range(workers)]
        with ThreadPoolExecutor(workers) as pool:
            for found in pool.map(lambda share: ask(python, SIDE, share), shares):
                known.update(found)
        # another process may have asked in the meantime
        known = {**_kept(file), **known}
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(known), encoding="utf-8")
        partial.replace(file)
    return {c.key(): known[c.key()] for c in cases}, "oracle"
