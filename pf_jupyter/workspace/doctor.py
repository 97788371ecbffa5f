"""Looks at everything that a workspace needs, and mends what is safe to mend."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import PfError
from ..store.home import make_private, make_private_folder, readable_by_others
from .api import CheckResult
from .doctor_network import certificates, network

if TYPE_CHECKING:
    from .core import Core
    from .local import LocalWorkspace

_LOW_BYTES = 2 * 1024**3
_NONE_BYTES = 200 * 1024**2
_CLOCK_SECONDS = 5.0
_FIX = "jupyter pf doctor --fix mends it"


def examine(workspace: LocalWorkspace, *, fix: bool) -> list[CheckResult]:
    """Return a line for each thing that was looked at.

    Parameters
    ----------
    workspace
        The one to look at; its store may be broken.
    fix
        Mend what can be mended without losing anything.
    """
    checks = [_python()]
    core: Core | None = None
    checks += _home(workspace.home, fix=fix)
    checks.append(_disk(workspace.home))
    checks.append(_clock(workspace.home))
    try:
        core = workspace.core
    except PfError as error:
        checks.append(CheckResult("store", "fail", error.message, error.hint))
    else:
        checks.append(_guarded("store", lambda: _store(core)))
        checks.append(_guarded("runs", lambda: _runs(core, fix=fix)))
        checks += _engines(core, fix=fix)
    checks.append(certificates())
    checks += network(core)
    return checks


def _guarded(name: str, check: Callable[[], CheckResult]) -> CheckResult:
    try:
        return check()
    except PfError as error:
        return CheckResult(name, "fail", error.message, error.hint)


def _python() -> CheckResult:
    version = ".".join(map(str, sys.version_info[:3]))
    return CheckResult("python", "pass", f"Python {version}, {sys.executable}")


def _home(home: Path, *, fix: bool) -> Iterator[CheckResult]:
    if not home.is_dir():
        if not fix:
            yield CheckResult(
                "home", "warn", f"{home} is not there yet", "the first use makes it"
            )
            return
        try:
            make_private_folder(home)
        except PfError as error:
            yield CheckResult("home", "fail", error.message, error.hint)
            return
    ours = [home, *home.glob("store.sqlite*")]
    open_ones = [path for path in ours if readable_by_others(path)]
    if not open_ones:
        yield CheckResult("home", "pass", f"{home}, closed to others")
    elif fix:
        try:
            for path in open_ones:
                make_private(path)
        except OSError as error:
            yield CheckResult(
                "home", "fail", f"{error.filename}: {error.strerror}", "ask its owner"
            )
        else:
            yield CheckResult("home", "pass", f"{home}, now closed to others")
    else:
        names = ", ".join(path.name for path in open_ones)
        yield CheckResult("home", "warn", f"{names}: others may read it", _FIX)


def _disk(home: Path) -> CheckResult:
    place = next(p for p in (home, *home.parents) if p.exists())
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return CheckResult("disk", "fail", f"{place}: {error.strerror}")
    text = f"{free / 1024**3:.1f} GB free at {place}"
    if free < _NONE_BYTES:
        return CheckResult("disk", "fail", text, "free some space: nothing can be kept")
    if free < _LOW_BYTES:
        return CheckResult(
            "disk", "warn", text, "free some space: an environment takes about 1 GB"
        )
    return CheckResult("disk", "pass", text)


def _clock(home: Path) -> CheckResult:
    place = home if home.is_dir() else Path(tempfile.gettempdir())
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".clock-") as file:
            file.write(b".")
            file.flush()
            ahead = os.stat(file.name).st_mtime - time.time()
    except OSError as error:
        return CheckResult(
            "clock", "fail", f"cannot write in {place}: {error.strerror}", _FIX
        )
    if abs(ahead) > _CLOCK_SECONDS:
        return CheckResult(
            "clock",
            "warn",
            f"the clock of the file system at {place} differs by {ahead:.0f} s",
            "set the clocks of both machines",
        )
    return CheckResult(
        "clock", "pass", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    )


def _store(core: Core) -> CheckResult:
    store = core.store
    found = store.database.check()
    if found:
        return CheckResult(
            "store",
            "fail",
            f"{store.database.place} is damaged: {found}",
            "move the file away to begin a new store, or put a copy of it back",
        )
    store.remember("doctor", time.time())
    return CheckResult(
        "store", "pass", f"writable, sound, schema {store.database.revision()}"
    )


def _runs(core: Core, *, fix: bool) -> CheckResult:
    from ..runs.interrupted import mark_interrupted

    alive = core.store.processes.alive
    left = [run for run, _, process in core.store.running() if not alive(process)]
    marks = core.store.processes.dead()
    if not left and not marks:
        return CheckResult("runs", "pass", "none was left unfinished")
    if not fix:
        return CheckResult(
            "runs",
            "warn",
            f"{len(left)} runs and {len(marks)} locks of processes that are gone",
            _FIX,
        )
    mark_interrupted(core.store)
    return CheckResult(
        "runs",
        "pass",
        f"{len(left)} runs marked as Interrupted, {len(marks)} locks removed",
    )


def _engines(core: Core, *, fix: bool) -> Iterator[CheckResult]:
    life = core.life
    rows = life.computes.describe()
    isolated = any(row["reachable"] and row["isolated"] for row in rows)
    for row in rows:
        name = f"engine {row['name']}"
        if not row["reachable"]:
            # one engine is enough: what is missing is told, and is no failure
            others = any(other["reachable"] for other in rows)
            yield CheckResult(
                name, "warn" if others else "fail", row["detail"], row["hint"]
            )
            continue
        if not row["isolated"]:
            hint = "" if isolated else "with Docker, flows run isolated"
            yield CheckResult(
                name,
                "pass" if isolated else "warn",
                f"{row['detail']}; it does not isolate",
                hint,
            )
        else:
            yield CheckResult(name, "pass", row["detail"], row["hint"])
        check = functools.partial(_orphans, core, row["name"], fix)
        yield _guarded(f"leftovers {row['name']}", check)
        check = functools.partial(_layers, core, row["name"], fix)
        yield _guarded(f"layers {row['name']}", check)


def leftovers(core: Core, compute: str) -> CheckResult:
    """Tell which containers of this workspace on a compute have no runtime."""
    return replace(_orphans(core, compute, fix=False), name="leftovers")


def _orphans(core: Core, compute: str, fix: bool) -> CheckResult:
    name = f"leftovers {compute}"
    orphans = core.life.reconciler.orphans(compute)
    if not orphans:
        return CheckResult(name, "pass", "none")
    names = ", ".join(state.name for state in orphans)
    if not fix:
        return CheckResult(name, "warn", f"without a runtime: {names}", _FIX)
    engine = core.life.computes.engine(compute)
    for state in orphans:
        engine.remove(state.id)
    return CheckResult(name, "pass", f"removed: {names}")


def _layers(core: Core, compute: str, fix: bool) -> CheckResult:
    name = f"layers {compute}"
    if fix:
        removed = core.life.pruner.prune(compute)
        text = f"{len(removed)} removed" if removed else "none without a runtime"
        return CheckResult(name, "pass", text)
    unused = core.life.pruner.unused(compute)
    number = sum(map(len, unused.values()))
    if not number:
        return CheckResult(name, "pass", "none without a runtime")
    return CheckResult(name, "warn", f"{number} that no runtime has any more", _FIX)
