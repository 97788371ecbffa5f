"""What is installed in a container, as two of them are held against each other."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pf_jupyter.engines.api import Engine
from pf_jupyter.environments.taking_stock import MARK
from pf_jupyter.errors import PfError, RuntimeFailed

_PROGRAM = Path(__file__).with_name("taking_stock.py")
_SECONDS = 300.0


@dataclass(frozen=True)
class PipPackage:
    """A distribution of Python's.

    Parameters
    ----------
    place
        The folder that it is in.
    requested
        Whether somebody asked for it by name, as far as its installer wrote that down.
    url, vcs, commit
        Where it came from when that was no index.
    editable
        Whether it is a link to somebody's sources.
    owner
        The package of the system that brought it; empty in general.
    """

    name: str
    version: str
    place: str = ""
    requested: bool = False
    url: str = ""
    vcs: str = ""
    commit: str = ""
    editable: bool = False
    owner: str = ""


@dataclass(frozen=True)
class DebPackage:
    """A package of the system; ``automatic`` when another one needed it."""

    name: str
    version: str
    automatic: bool = False


@dataclass(frozen=True)
class Stock:
    """What is installed.

    Parameters
    ----------
    python, executable
        Its version, and the path of the one that was asked.
    pip, dpkg
        By their names.
    others
        Traces of other package managers, which are not understood.
    indexes
        Where pip is told to look there: option and value.
    has_pip, managed
        Whether pip can be used, and whether the system asks not to.
    """

    python: str
    executable: str
    machine: str = ""
    uid: int = -1
    home: str = ""
    pip: Mapping[str, PipPackage] = field(default_factory=dict)
    dpkg: Mapping[str, DebPackage] = field(default_factory=dict)
    others: Sequence[str] = ()
    indexes: Sequence[tuple[str, str]] = field(default=(), repr=False)
    has_pip: bool = True
    managed: bool = False


@dataclass(frozen=True)
class Difference:
    """Something that one of two containers has and the other has not, or otherwise.

    None where it is missing.
    """

    kind: Literal["pip", "dpkg", "python"]
    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        what = f"{self.kind} {self.name}".strip()
        return f"{what}: {self.before or 'missing'} → {self.after or 'missing'}"


@dataclass(frozen=True)
class Explanation:
    """What of a container's changes no package explains.

    Parameters
    ----------
    unowned
        Paths that no package answers for.
    edited
        Files of packages that are not as they came, and whose they are.
    states
        What each of them is now.
    """

    unowned: Sequence[str]
    edited: Mapping[str, str]
    states: Mapping[str, str]


def differences(before: Stock, after: Stock) -> list[Difference]:
    """Return what differs between two: names and versions of all packages."""
    found: list[Difference] = []
    minors = [".".join(one.python.split(".")[:2]) for one in (before, after)]
    if minors[0] != minors[1]:
        found.append(Difference("python", "", before.python, after.python))
    sets: list[tuple[Literal["pip", "dpkg"], Mapping[str, Any], Mapping[str, Any]]] = [
        ("pip", before.pip, after.pip),
        ("dpkg", before.dpkg, after.dpkg),
    ]
    for kind, old, new in sets:
        for name in sorted({*old, *new}):
            was = old[name].version if name in old else None
            now = new[name].version if name in new else None
            if was != now:
                found.append(Difference(kind, name, was, now))
    return found


class Stocktaking:
    """Asks a container what it has.

    Parameters
    ----------
    engine, instance
        The container, which runs.
    python
        Command of the Python whose packages are meant; what the engine finds there
        when None.
    """

    def __init__(
        self, engine: Engine, instance: str, python: Sequence[str] | None = None
    ) -> None:
        self._engine = engine
        self._instance = instance
        self._python = list(python or engine.python(instance))

    def survey(self) -> Stock:
        """Return what is installed.

        Raises
        ------
        RuntimeFailed, Unreachable
            It cannot be asked.
        """
        answer = self._ask({"do": "survey"})
        pip = {key: PipPackage(**item) for key, item in answer["pip"].items()}
        dpkg = {
            key: DebPackage(key, item["version"], item["automatic"])
            for key, item in answer["dpkg"].items()
        }
        facts = {
            key: answer[key]
            for key in ("python", "executable", "machine", "uid", "home")
        }
        return Stock(
            **facts,
            pip=pip,
            dpkg=dpkg,
            others=tuple(answer["others"]),
            indexes=tuple((name, value) for name, value in answer["indexes"]),
            has_pip=answer["has_pip"],
            managed=answer["managed"],
        )

    def explain(self, paths: Sequence[str], verify: Sequence[str]) -> Explanation:
        """Return which changed paths no package explains.

        Parameters
        ----------
        paths
            Those that differ from the image.
        verify
            Distributions whose files are all looked at.
        """
        answer = self._ask(
            {"do": "explain", "paths": list(paths), "verify": list(verify)}
        )
        return Explanation(
            tuple(answer["unowned"]), dict(answer["edited"]), dict(answer["states"])
        )

    def states(self, paths: Sequence[str]) -> dict[str, str]:
        """Return in a word what is at each of these paths."""
        found: dict[str, str] = self._ask({"do": "states", "paths": list(paths)})[
            "states"
        ]
        return found

    def origins(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Return the versions that apt's sources offer there, as far as it knows."""
        found: dict[str, list[str]] = self._ask({"do": "origins", "names": list(names)})
        return found["origins"]  # type: ignore[return-value]

    def debs(self, paths: Sequence[str]) -> dict[tuple[str, str], str]:
        """Return the path of each package file by its package's name and version."""
        found = self._ask({"do": "debs", "paths": list(paths)})["debs"]
        return {(name, version): path for path, (name, version) in found.items()}

    def read(self, path: str) -> tuple[bytes | None, str]:
        """Return a file's content; None and the reason when it cannot be had."""
        answer = self._ask({"do": "read", "path": path})
        if answer["data"] is None:
            return None, str(answer["why"])
        return base64.b64decode(answer["data"]), ""

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        source = _PROGRAM.read_text(encoding="utf-8")
        # not isolated: what a node's process would find is what is there
        stream = self._engine.open_stream(self._instance, [*self._python, "-c", source])
        timer = threading.Timer(_SECONDS, stream.close)
        timer.daemon = True
        timer.start()
        data = b""
        try:
            stream.write(json.dumps(question).encode() + b"\n")
            while piece := stream.read(1 << 18):
                data += piece
        except PfError:
            pass  # judged by what came
        finally:
            timer.cancel()
            said = (stream.stderr().strip().splitlines() or ["it said nothing"])[-1]
            stream.close()
        for line in data.decode("utf-8", "replace").splitlines():
            if line.startswith(MARK):
                answer: dict[str, Any] = json.loads(line[len(MARK) :])
                return answer
        raise RuntimeFailed(
            f"what is installed in the container cannot be told: {said}",
            phase="check",
            code="stock_failed",
            hint="try its Python by hand: docker exec CONTAINER python3 -c 'print(1)'",
        )
