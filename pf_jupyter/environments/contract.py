"""What an image must do to back a runtime, tried before anybody uses it.

A throw-away container under the profile of runtimes: not root, no privileges, a root
file system that cannot be written, no network.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from packaging.utils import canonicalize_name

from pf_jupyter.engines.api import (
    BuildProgress,
    Engine,
    Progress,
)
from pf_jupyter.engines.probe import find_version, python_missing, usable
from pf_jupyter.environments.installed import applies, conflicts, specifier_of
from pf_jupyter.environments.looking import MARK
from pf_jupyter.environments.requirements import Requirement
from pf_jupyter.environments.trials import Trials
from pf_jupyter.errors import EnvironmentFailed, PfError, RuntimeFailed

_LOOKING = Path(__file__).with_name("looking.py")
_LOOK_SECONDS = 60.0
_IMPORT_SECONDS = 300.0
_PROMPTS = "jinja2"


class Handshaken(Protocol):
    """A worker that said hello."""

    def close(self) -> None:
        """Let it go."""


Opener = Callable[[Engine, str], Handshaken]
"""Starts a worker in an instance and waits for its hello."""


@dataclass(frozen=True)
class Check:
    """One thing that was tried."""

    name: str
    status: Literal["pass", "warn", "fail"]
    message: str
    hint: str = ""
    code: str = ""


@dataclass(frozen=True)
class Trial:
    """What trying an image gave.

    Parameters
    ----------
    checks
        In the order they were made; what comes after a failure that ends it is left
        out.
    python
        Version of Python in it; empty when none was found.
    packages
        Normalised name to version of what is installed.
    """

    checks: tuple[Check, ...]
    python: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> list[Check]:
        """What must be mended before it can back a runtime."""
        return [check for check in self.checks if check.status == "fail"]

    def checked(self) -> Trial:
        """Return this trial.

        Raises
        ------
        EnvironmentFailed
            Something failed; the first is the message, all are in the log.
        """
        if not self.failed:
            return self
        first = self.failed[0]
        more = len(self.failed) - 1
        also = f" ({more} more: see the log)" if more else ""
        raise EnvironmentFailed(
            f"a runtime on it would not get ready: {first.message}{also}",
            phase="contract",
            log="\n".join(f"{one.name}: {one.message}" for one in self.checks),
            code=first.code or "contract_failed",
            hint=first.hint,
        )


def try_image(
    trials: Trials,
    image: str,
    *,
    requirements: Sequence[Requirement] = (),
    opener: Opener | None = None,
    progress: Progress | None = None,
) -> Trial:
    """Try an image in a throw-away container, which is removed again.

    Parameters
    ----------
    trials
        Makes containers where the image is.
    image
        Its reference.
    requirements
        What must be there, in the version asked for, and importable.
    opener
        Starts a worker in it; it is not tried without one.
    progress
        Told of each check.

    Raises
    ------
    Unreachable
        The engine does not answer.
    """
    trial = _Trying(trials.engine, progress)
    try:
        with trials.container(image) as instance:
            trial.run(instance, image, requirements, opener)
    except RuntimeFailed as error:
        if error.code in ("disk_full", "engine_error"):
            raise
        trial.add("start", "fail", error.message, error.hint, error.code)
    return trial.result()


class _Trying:
    def __init__(self, engine: Engine, progress: Progress | None) -> None:
        self._engine = engine
        self._progress = progress
        self._checks: list[Check] = []
        self._python = ""
        self._packages: dict[str, str] = {}

    def add(
        self,
        name: str,
        status: Literal["pass", "warn", "fail"],
        message: str,
        hint: str = "",
        code: str = "",
    ) -> None:
        self._checks.append(Check(name, status, message, hint, code))
        if self._progress is not None:
            self._progress(BuildProgress(f"{name}: {message}"))

    def result(self) -> Trial:
        return Trial(tuple(self._checks), self._python, self._packages)

    def run(
        self,
        instance: str,
        image: str,
        requirements: Sequence[Requirement],
        opener: Opener | None,
    ) -> None:
        self._engine.start(instance)
        command = self._engine.python(instance)
        # a label of the base may say where its Python is: that is not asked again
        version = find_version(
            lambda words: self._engine.open_stream(instance, words), command[0]
        )
        if not usable(version):
            raise python_missing(image, "contract", version)
        self.add("start", "pass", "it starts, without privileges or network")
        seen = self._look(instance, command)
        if seen is None:
            return
        self._python = str(seen["python"])
        found = {name: item["version"] for name, item in seen["packages"].items()}
        self._packages = dict(sorted(found.items()))
        self.add("python", "pass", f"Python {self._python}")
        self._rights(seen)
        if _PROMPTS not in self._packages:
            self.add(
                "tools",
                "warn",
                "there is no jinja2: nodes with prompts will not run",
                "add jinja2 to its requirements",
            )
        self._requirements(instance, command, requirements, seen)
        self._conflicts(seen)
        if opener is not None:
            self._handshake(instance, opener)

    def _look(self, instance: str, command: Sequence[str]) -> dict[str, Any] | None:
        lines, said = self._ask(instance, command, (), _LOOK_SECONDS)
        if lines:
            return lines[0]
        self.add(
            "python",
            "fail",
            f"its Python does not run our check: {said or 'it said nothing'}",
            "start the image by hand and try its python3",
            "python_broken",
        )
        return None

    def _rights(self, seen: Mapping[str, Any]) -> None:
        for key, what in (("home", "its home"), ("temporary", "/tmp")):
            if not seen[key]:
                self.add(
                    "rights",
                    "fail",
                    f"user {seen['uid']} cannot write to {what}",
                    "leave /tmp and /home/pf to the runtime",
                    "not_writable",
                )
                return
        self.add("rights", "pass", f"it works as user {seen['uid']}, not as root")

    def _requirements(
        self,
        instance: str,
        command: Sequence[str],
        requirements: Sequence[Requirement],
        seen: Mapping[str, Any],
    ) -> None:
        wanted = [one for one in requirements if applies(one, seen)]
        missing = [self._missing(one) for one in wanted]
        names = [
            one.name
            for one, wrong in zip(wanted, missing, strict=True)
            if not wrong and one.name
        ]
        broken = self._imports(instance, command, list(dict.fromkeys(names)))
        if wanted and not any(missing) and not broken:
            count = len(wanted)
            self.add(
                "packages",
                "pass",
                f"{count} requirement{'' if count == 1 else 's'} there, importable",
            )

    def _missing(self, one: Requirement) -> bool:
        version = self._packages.get(one.name)
        where = f"{one.file}:{one.line}" if one.line else "the requirements"
        if version is None and one.name:
            self.add(
                "packages",
                "fail",
                f"{one.name}, which {where} asks for, is not installed",
                "let the Dockerfile install it: RUN pip install -r requirements.txt",
                "package_not_there",
            )
            return True
        specifier = specifier_of(one)
        if version and specifier and not specifier.contains(version, prereleases=True):
            self.add(
                "packages",
                "fail",
                f"{one.name} is {version}, {where} asks for {specifier}",
                "look at what the Dockerfile installs after it",
                "package_version",
            )
            return True
        return False

    def _imports(self, instance: str, command: Sequence[str], names: list[str]) -> bool:
        broken = False
        while names:
            lines, said = self._ask(instance, command, names, _IMPORT_SECONDS)
            done = [line for line in lines if "begin" not in line]
            begun = [line["begin"] for line in lines if "begin" in line]
            for line in done:
                broken = self._imported(line) or broken
            if len(done) == len(names):
                break
            if len(begun) <= len(done):
                self._died("the check of imports", said)
                return True
            # it ended while one was being imported: the others are tried without it
            self._died(f"importing {begun[-1]}", said)
            broken = True
            names = names[len(begun) :]
        return broken

    def _imported(self, line: Mapping[str, Any]) -> bool:
        failures, tried = line.get("failures") or [], line.get("tried") or []
        if not failures:
            return False
        own = [f for f in failures if canonicalize_name(f[0]) == line["name"]]
        fatal = bool(own) or len(failures) == len(tried)
        module, reason = (own or failures)[0]
        self.add(
            "packages",
            "fail" if fatal else "warn",
            f"{line['name']} {line['version']} is installed, but `import {module}` "
            f"fails: {reason}",
            "it needs a library that the image lacks, say: install that in the "
            "Dockerfile"
            if "lib" in reason or ".so" in reason
            else "try another version of it, or what it asks for",
            "package_broken",
        )
        return fatal

    def _died(self, what: str, said: str) -> None:
        self.add(
            "packages",
            "fail",
            f"{what} ended the process{f': {said}' if said else ''}",
            "try another version of it: it is perhaps made for another processor",
            "package_broken",
        )

    def _conflicts(self, seen: Mapping[str, Any]) -> None:
        found = list(conflicts(seen))
        for text in found[:3]:
            self.add("conflicts", "warn", text, "give both a version that they share")
        if len(found) > 3:
            self.add("conflicts", "warn", f"{len(found) - 3} more conflicts")

    def _handshake(self, instance: str, opener: Opener) -> None:
        try:
            opener(self._engine, instance).close()
        except PfError as error:
            log = error.log if isinstance(error, RuntimeFailed) else ""
            last = (log.strip().splitlines() or [""])[-1]
            self.add(
                "handshake",
                "fail",
                f"the worker does not answer in it: {error.message}"
                + (f" ({last})" if last else ""),
                error.hint,
                error.code,
            )
            return
        self.add("handshake", "pass", "the worker starts in it and answers")

    def _ask(
        self,
        instance: str,
        command: Sequence[str],
        names: Sequence[str],
        seconds: float,
    ) -> tuple[list[dict[str, Any]], str]:
        """Return what the looking program wrote, and its last words on stderr."""
        source = _LOOKING.read_text(encoding="utf-8")
        stream = self._engine.open_stream(instance, [*command, "-c", source, *names])
        timer = threading.Timer(seconds, stream.close)
        timer.daemon = True
        timer.start()
        data = b""
        try:
            while piece := stream.read(65536):
                data += piece
        except PfError:
            pass  # judged by what came
        finally:
            timer.cancel()
            said = (stream.stderr().strip().splitlines() or [""])[-1]
            stream.close()
        lines = data.decode("utf-8", "replace").splitlines()
        found = [line[len(MARK) :] for line in lines if line.startswith(MARK)]
        return [json.loads(line) for line in found], said
