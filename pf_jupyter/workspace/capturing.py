"""Capture: what somebody installed by hand in a runtime becomes an environment."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ..engines.api import Engine
from ..engines.containers import HasContainers
from ..environments import capture as finding
from ..environments.bases import OWN_BASE
from ..environments.build import Builder, Built
from ..environments.capture import Findings, Left
from ..environments.capture_folder import check_folder, write_folder
from ..environments.definition import read_definition
from ..environments.steps import Steps
from ..environments.stock import (
    Difference,
    Explanation,
    Stock,
    Stocktaking,
    differences,
)
from ..environments.taking_stock import plain
from ..environments.trials import Trials
from ..errors import EnvironmentFailed, UsageError
from ..runtimes import identity
from ..runtimes.named import DEFAULT
from ..store.records import RuntimeRecord, timestamp
from .capture_api import Capture, CaptureDifference, CapturedPackage, LeftOut

if TYPE_CHECKING:
    from ..runtimes.model import OnPhase
    from .local import LocalWorkspace

_MOST_LEFT = 200


@dataclass(frozen=True)
class CaptureWish:
    """What is asked for; see `HasPackages.capture`."""

    name: str
    to: Path
    publish: bool = True
    partial: bool = False
    index_url: str = ""
    version: str | None = None
    registry: str | None = None
    description: str | None = None
    connection: str | None = None


class Capturing:
    """One capture.

    Parameters
    ----------
    workspace
        The runtime's.
    record
        The runtime, ready.
    wish
        What is asked for.
    on_phase
        Told of each step.
    """

    def __init__(
        self,
        workspace: LocalWorkspace,
        record: RuntimeRecord,
        wish: CaptureWish,
        on_phase: OnPhase | None,
    ) -> None:
        from .environment_bench import Bench

        self._workspace = workspace
        self._record = record
        self._wish = wish
        self._bench = Bench(workspace.core)
        self._began = time.perf_counter()
        self._as_root = False
        self._steps: Steps = self._bench.steps(wish.name, on_phase)
        self._engine: Engine = workspace.core.life.computes.engine(record.compute)

    def make(self) -> Capture:
        """Do it; see `HasPackages.capture`."""
        check_folder(self._wish.name, self._wish.to)
        self._bench.check_name(self._wish.name)
        if not isinstance(self._engine, HasContainers):
            raise UsageError(
                f"{self._record.name} is no container, and only images can be rebuilt",
                code="no_images",
                hint="make a runtime on compute docker and install there",
            )
        with self._steps.phase("look") as step:
            found, unexplained = self._look(self._engine)
            step.detail = _counted(found)
        if found.empty:
            raise UsageError(
                f"{self._record.name} has the packages of its environment and no "
                "others",
                code="nothing_to_capture",
                hint=f"%pfruntime packages {self._record.name} lists them",
            )
        folder = self._write(found)
        definition = read_definition(folder)
        builder = self._bench.builder(self._record.compute, None, self._wish.connection)
        built = self._bench.build(definition, builder, self._steps, "", False)
        with self._steps.phase("compare") as step:
            made, states = self._stock_of(built.image, list(unexplained.states))
            differing = self._differing(found, made, built)
            left = [*found.left, *_files_left(unexplained, states)]
            numbers = f"{len(found.now.pip)} of pip, {len(found.now.dpkg)} of dpkg"
            state = f"{len(differing)} differ" if differing else "equal"
            step.detail = f"{numbers}: {state}"
        result = self._result(found, built, folder, differing, left)
        if differing and self._wish.publish and not self._wish.partial:
            raise _differs(result)
        return self._published(result, definition, built, builder)

    # the steps

    def _look(self, engine: HasContainers) -> tuple[Findings, Explanation]:
        record = self._record
        stock = Stocktaking(self._engine, record.instance or "", self._python())
        now = stock.survey()
        self._as_root = now.uid == 0
        base, _ = self._stock_of(record.image, [])
        changes = [change.path for change in engine.changes(record.instance or "")]
        new = differences(base, now)
        names = [item.name for item in new if item.kind == "dpkg" and item.after]
        found = finding.find(
            base,
            now,
            read=lambda path: self._read(stock, path),
            layers=record.layers or (),
            origins=stock.origins(names) if names else {},
            deb_files=stock.debs([p for p in changes if p.endswith(".deb")])
            if names
            else {},
            index=self._wish.index_url,
        )
        if found.empty:
            return found, Explanation((), {}, {})
        in_layers = {
            name for layer in record.layers or () for name in layer["packages"]
        }
        verify = [name for name in found.new_pip if name not in in_layers]
        unexplained = stock.explain(changes, verify)
        taken = finding.take_apt_files(
            found, list(unexplained.states), lambda path: self._read(stock, path)
        )
        kept = {p: s for p, s in unexplained.states.items() if p not in taken}
        return found, Explanation(
            [p for p in unexplained.unowned if p in kept], unexplained.edited, kept
        )

    def _write(self, found: Findings) -> Path:
        record, wish = self._record, self._wish
        base = self._base_reference()
        assert isinstance(self._engine, HasContainers)
        user = "" if base == OWN_BASE else self._engine.image_user(record.image)
        environment = f"{record.environment_name}:{record.environment_version}"
        comment = f"from runtime {record.name} ({environment}) on {timestamp()[:10]}"
        report = {
            "runtime": record.name,
            "environment": environment,
            "digest": record.environment_digest,
            "base": base,
            "packages": [vars(item) for item in found.changes],
            "left": [vars(item) for item in found.left],
        }
        return write_folder(
            wish.to,
            wish.name,
            found,
            base=base,
            comment=comment,
            user=user,
            description=wish.description or f"captured from {record.name}",
            report=report,
        )

    def _base_reference(self) -> str:
        """Return what the FROM line names: as exact as it can be had elsewhere."""
        record = self._record
        if record.environment_name in ("", DEFAULT):
            return OWN_BASE
        image = self._engine.image(record.image)
        repository = record.image.rpartition("@")[0] or record.image
        if ":" in repository.rpartition("/")[2]:
            repository = repository.rpartition(":")[0]
        for known in image.registry_digests if image else ():
            if known.partition("@")[0] == repository:
                return known
        return record.image

    def _python(self) -> list[str] | None:
        folders = identity.layer_folders(self._record, self._engine)
        return [f"{folders[0]}/bin/python"] if folders else None

    def _read(self, stock: Stocktaking, path: str) -> tuple[bytes | None, str]:
        data, why = stock.read(path)
        if data is not None or path not in self._own_files():
            return data, why
        try:
            return Path(path).read_bytes(), ""
        except OSError as error:
            return None, error.strerror or str(error)

    def _own_files(self) -> set[str]:
        """Files of this machine that were installed with our own command."""
        found = set()
        for layer in self._record.layers or ():
            for line in layer["items"]:
                place = line.partition(" @ ")[2] or line
                parts = urlsplit(place.partition("[")[0])
                if parts.scheme in ("", "file"):
                    found.add(unquote(parts.path))
        return found

    def _stock_of(
        self, image: str, paths: Sequence[str]
    ) -> tuple[Stock, Mapping[str, str]]:
        """Return what a fresh container of an image has, and is at these paths."""
        with self._fresh(image) as instance:
            stock = Stocktaking(self._engine, instance)
            return stock.survey(), stock.states(paths) if paths else {}

    @contextmanager
    def _fresh(self, image: str) -> Iterator[str]:
        home = self._workspace.core.store.folder
        trials = Trials(self._engine, home, self._record.compute)
        # what root alone may read differs from what cannot be read
        with trials.container(image, writable=self._as_root) as instance:
            self._engine.start(instance)
            yield instance

    def _differing(
        self, found: Findings, made: Stock, built: Built
    ) -> list[CaptureDifference]:
        stood_on = self._engine.image(self._record.image)
        moved = stood_on is not None and built.base_digest != stood_on.id
        left = {plain(item.what.partition(" ")[0]): item.why for item in found.left}
        return [
            CaptureDifference(
                kind=item.kind,
                name=item.name,
                runtime=item.before,
                rebuilt=item.after,
                why=_why(item, found, left, moved),
            )
            for item in differences(found.now, made)
        ]

    def _result(
        self,
        found: Findings,
        built: Built,
        folder: Path,
        differing: Sequence[CaptureDifference],
        left: Sequence[Left],
    ) -> Capture:
        return Capture(
            runtime=self._record.name,
            name=self._wish.name,
            version=None,
            folder=folder,
            image=built.image,
            digest=built.digest,
            base=built.base,
            taken=[
                CapturedPackage(item.kind, item.name, item.before, item.after)
                for item in found.changes
                if item.kind != "python"
            ],
            counts={"pip": len(found.now.pip), "dpkg": len(found.now.dpkg)},
            differences=tuple(differing),
            left=tuple(LeftOut(item.what, item.why) for item in left),
            duration_ms=(time.perf_counter() - self._began) * 1000,
            phases=tuple(self._steps.times),
        )

    def _published(
        self, result: Capture, definition: Any, built: Built, builder: Builder
    ) -> Capture:
        from .environments import LocalEnvironments

        if not self._wish.publish:
            return result
        made = LocalEnvironments(self._workspace).publish_built(
            definition,
            built,
            builder,
            self._steps,
            version=self._wish.version,
            registry=self._wish.registry,
            description=self._wish.description,
            tags=None,
        )
        return replace(
            result,
            version=made.version,
            duration_ms=(time.perf_counter() - self._began) * 1000,
            phases=tuple(self._steps.times),
        )


def _counted(found: Findings) -> str:
    parts = []
    for kind in ("pip", "dpkg"):
        number = sum(item.kind == kind for item in found.changes)
        if number:
            parts.append(f"{number} of {kind}")
    return f"{' and '.join(parts) or 'nothing'} by hand"


def _files_left(unexplained: Explanation, states: Mapping[str, str]) -> list[Left]:
    """Return the files that the rebuilt image has not, or has otherwise."""
    found = []
    for path, state in sorted(unexplained.states.items()):
        if states.get(path) == state:
            continue  # a package's own script makes it anew
        if state == "absent":
            why = "removed by hand"
        elif path in unexplained.edited:
            why = f"a file of {unexplained.edited[path]}, edited by hand"
        else:
            why = "no package has it"
        found.append(Left(path, f"{why}; COPY it in the Dockerfile to keep it"))
    if len(found) > _MOST_LEFT:
        more = len(found) - _MOST_LEFT
        found = [*found[:_MOST_LEFT], Left(f"{more} more files", "no package has them")]
    return found


def _why(
    item: Difference, found: Findings, left: Mapping[str, str], moved: bool
) -> str:
    if item.name in left:
        return left[item.name]
    by_hand = any(item.name == change.name for change in found.changes)
    if not by_hand and moved:
        return "the base is a newer one than the runtime's"
    if not by_hand:
        return "something that was installed brought it along"
    return ""


def _differs(result: Capture) -> EnvironmentFailed:
    first = result.differences[0]
    versions = f"{first.runtime or 'there'} → {first.rebuilt or 'missing'}"
    more = len(result.differences) - 1
    error = EnvironmentFailed(
        f"what was rebuilt is not what {result.runtime} has: {first.kind} {first.name} "
        f"{versions}{f' ({first.why})' if first.why else ''}"
        + (f", and {more} more" if more else ""),
        phase="compare",
        code="capture_differs",
        hint=f"mend {result.folder} and publish it, or --partial publishes it as it is",
        log="\n".join(
            f"{one.kind} {one.name}: {one.runtime} → {one.rebuilt} {one.why}".rstrip()
            for one in result.differences
        ),
    )
    error.details["capture"] = result.to_dict()
    return error
