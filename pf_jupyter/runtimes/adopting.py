"""Adopting a container that somebody else started: looked at, named, joined.

It stays theirs: it is never started, stopped, changed or removed by us.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engines.api import Engine, InstanceState
from ..engines.containers import Container, HasContainers
from ..engines.probe import ask, find_version, usable
from ..errors import AlreadyExists, IllegalState, PfError, RuntimeFailed, UsageError
from ..store.records import RuntimeRecord, timestamp
from ..store.store import Store
from . import adoption_checks, identity
from .channels import Opener
from .computes import Computes
from .model import CheckResult, OnPhase
from .phases import Way
from .turns import Turns

if TYPE_CHECKING:
    from .lifecycle import Lifecycle

ADOPTED = "adopted"
"""The profile of a runtime whose container somebody else started."""

OnCheck = Callable[[CheckResult], None]
_TURN_SECONDS = 30.0
_LOOK = """
import json, os, sys, tempfile
def writable(folder):
    try:
        tempfile.TemporaryFile(dir=folder).close()
        return True
    except OSError:
        return False
print("pf-adopt " + json.dumps({
    "uid": os.getuid(), "temporary": writable(None), "python": sys.version.split()[0],
    "home": writable(os.path.expanduser("~"))}))
"""


@dataclass(frozen=True)
class AdoptWish:
    """What is asked for; see `AdoptsContainers.adopt`."""

    container: str
    name: str = ""
    compute: str | None = None


def is_adopted(record: RuntimeRecord) -> bool:
    """Tell whether somebody else started a runtime's container."""
    return record.profile == ADOPTED


def refuse_adopted(record: RuntimeRecord, what: str, hint: str) -> None:
    """Raise when what is asked would change somebody else's container.

    Raises
    ------
    IllegalState
        It is an adopted one.
    """
    if is_adopted(record):
        raise IllegalState(
            f"{record.name} is a container that somebody else started: {what}",
            code="adopted",
            hint=hint,
        )


def adopted_instance(record: RuntimeRecord, engine: Engine) -> InstanceState:
    """Return an adopted runtime's container, which runs.

    Raises
    ------
    RuntimeFailed
        It is gone, or does not run.
    """
    state = engine.inspect(record.instance or "")
    if state.status == "running":
        return state
    gone = state.status == "missing"
    raise RuntimeFailed(
        f"the container of {record.name} is {'gone' if gone else state.status}",
        phase="check",
        code="container_missing" if gone else "container_stopped",
        hint=f"%pfruntime delete {record.name}, then adopt the new one"
        if gone
        else f"whoever started it starts it again: docker start {state.name}",
    )


class Adopter:
    """Makes runtimes of containers that are there.

    Parameters
    ----------
    store, computes, turns, lifecycle
        What it works with.
    opener
        Starts a worker in an instance.
    """

    def __init__(
        self,
        store: Store,
        computes: Computes,
        turns: Turns,
        lifecycle: Lifecycle,
        opener: Opener,
    ) -> None:
        self._store = store
        self._computes = computes
        self._turns = turns
        self._lifecycle = lifecycle
        self._opener = opener

    def adopt(
        self,
        wish: AdoptWish,
        on_check: OnCheck | None = None,
        on_phase: OnPhase | None = None,
    ) -> RuntimeRecord:
        """Make a runtime of a container; see `AdoptsContainers.adopt`."""
        compute, engine, info, _ = self._computes.choose(wish.compute)
        if not isinstance(engine, HasContainers):
            raise UsageError(
                f"compute {compute!r} has no containers to adopt",
                code="no_containers",
                hint="name one that has: --compute docker",
            )
        container = engine.container(wish.container)
        name = identity.check_name(wish.name or _name_of(container))
        there = self._store.runtime(name)
        if there is not None:
            raise AlreadyExists(
                f"there is a runtime {name!r} already, and it is {there.state}",
                hint="choose another name: --name",
            )
        checks = []
        for check in self.checks(container, engine):
            checks.append(check)
            if on_check is not None:
                on_check(check)
        failed = [check for check in checks if check.status == "fail"]
        if failed:
            raise _not_adoptable(container, checks, failed)
        record = self._record(name, compute, info, container, engine)
        way = Way(name, on_phase)
        with self._turns.take(record.id, record.name, _TURN_SECONDS):
            self._store.add_runtime(record)
            way.attach(self._store, record.id)
            return self._lifecycle.join(record, engine, way)

    def checks(self, container: Container, engine: Engine) -> Iterator[CheckResult]:
        """Yield what must hold, one thing each; what depends on a failure is left out.

        Parameters
        ----------
        container
            The one to be adopted.
        engine
            Where it is.
        """
        running = container.status == "running"
        yield CheckResult(
            "container",
            "pass" if running else "fail",
            f"{container.name} {container.id[:12]} is {container.status}",
            "" if running else f"docker start {container.name}",
        )
        yield self._labels(container)
        if running:
            yield from self._inside(container, engine)
        yield adoption_checks.privileges(container)
        yield adoption_checks.mounts(container)
        yield adoption_checks.network(container)
        yield adoption_checks.limits(container)
        yield adoption_checks.health(container)
        if running:
            yield from adoption_checks.serving(container, engine)

    def _labels(self, container: Container) -> CheckResult:
        owner = container.labels.get(identity.RUNTIME)
        if owner is not None:
            mine = container.labels.get(identity.WORKSPACE) == self._store.id
            return CheckResult(
                "labels",
                "fail",
                f"it is the container of runtime {owner!r}"
                + ("" if mine else ", which another workspace holds"),
                f"%pfruntime use {owner}" if mine else "ask its owner to share it",
            )
        for record in self._store.runtimes():
            if record.instance == container.id:
                return CheckResult(
                    "labels",
                    "fail",
                    f"it is adopted already, as {record.name!r}",
                    f"%pfruntime use {record.name}",
                )
        return CheckResult("labels", "pass", "no other runtime has it")

    def _inside(self, container: Container, engine: Engine) -> Iterator[CheckResult]:
        def stream(command: Any) -> Any:
            return engine.open_stream(container.id, command)

        try:
            command = engine.python(container.id)
            version = find_version(stream, command[0])
        except PfError as error:
            yield CheckResult("python", "fail", error.message, error.hint)
            return
        if not usable(version):
            yield CheckResult(
                "python",
                "fail",
                f"Python {version}, flows need 3.9 or newer"
                if version
                else "there is no Python in it that starts",
                "choose an image with Python 3.9 or newer",
            )
            return
        yield CheckResult("python", "pass", f"Python {version}, {command[0]}")
        said = ask(stream, [*command, "-c", _LOOK]).partition("pf-adopt ")[2]
        seen = json.loads(said.splitlines()[0]) if said else {}
        yield adoption_checks.user(container, seen)
        yield self._worker(container, engine)

    def _worker(self, container: Container, engine: Engine) -> CheckResult:
        try:
            channel = self._opener(engine, container.id)
        except PfError as error:
            log = error.log if isinstance(error, RuntimeFailed) else ""
            last = (log.strip().splitlines() or [""])[-1]
            return CheckResult(
                "worker",
                "fail",
                f"it does not start: {error.message}" + (f" ({last})" if last else ""),
                error.hint,
            )
        channel.close()
        return CheckResult("worker", "pass", "put in, started, and it answers")

    def _record(
        self, name: str, compute: str, info: Any, container: Container, engine: Engine
    ) -> RuntimeRecord:
        named = engine.image(container.image)
        moved = named is None or named.id != container.image_id
        repository, _, tag = container.image.partition("@")[0].rpartition(":")
        if not repository or "/" in tag:
            repository, tag = container.image.partition("@")[0], "latest"
        now = timestamp()
        return RuntimeRecord(
            id=uuid.uuid4().hex,
            name=name,
            kind="personal",
            owner=identity.user(),
            compute=compute,
            engine=info.name,
            isolated=info.isolated,
            state="creating",
            created_at=now,
            changed_at=now,
            phase="check",
            phase_since=now,
            environment_name=repository,
            environment_version=tag,
            environment_digest=container.image_id,
            base_digest=container.image_id,
            image=container.image_id if moved else container.image,
            instance=container.id,
            network="none" if container.network == "none" else "open",
            cpus=container.cpus,
            memory=container.memory,
            pids=container.pids,
            engine_address=info.address,
            profile=ADOPTED,
        )


def _name_of(container: Container) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", container.name.lower()).strip("-_")[:63]


def _not_adoptable(
    container: Container, checks: list[CheckResult], failed: list[CheckResult]
) -> IllegalState:
    first, more = failed[0], len(failed) - 1
    also = f" ({more} more)" if more else ""
    error = IllegalState(
        f"{container.name} cannot be adopted: {first.name}: {first.message}{also}",
        code="not_adoptable",
        hint=first.hint,
    )
    error.details["checks"] = [vars(check) for check in checks]
    return error
