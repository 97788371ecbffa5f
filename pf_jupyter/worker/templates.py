"""Executors by forking: a zygote, and a template for each flow that is in use."""

from __future__ import annotations

import functools
import os
import socket
from collections import OrderedDict
from typing import AbstractSet, Any, Dict, List, Optional, Set, Tuple

from . import process_tree, start, wire
from .active_run import ActiveRun
from .loop import Loop, read_available
from .snapshots import Snapshot
from .sources import NurserySource, Observer

MAX_TEMPLATES = 8
Key = Tuple[str, Tuple[Tuple[str, Any], ...]]
_OUTPUT_BYTES = 1 << 20


class Template(NurserySource):
    """A process with one flow's code loaded.

    When it cannot be loaded there, or has threads afterwards, it is `broken`: runs then
    get their executors from the zygote and load by themselves.
    """

    def __init__(
        self,
        loop: Loop,
        observer: Observer,
        zygote: "Zygote",
        snapshot: Snapshot,
        run: ActiveRun,
    ) -> None:
        super().__init__(loop, observer, prepared=True)
        self.snapshot = snapshot
        self.flow: Dict[str, Any] = run.request["flow"]
        self.environment: Dict[str, Any] = environment_of(run)
        self.loaded = False
        self.broken = False
        self.dropped = False
        self._zygote = zygote
        self._outputs: List[Tuple[int, str]] = []

    @property
    def able(self) -> bool:
        """Whether executors can be forked from it now."""
        return self.loaded

    def take(self, pid: int, files: List[int]) -> None:
        """Begin to load: ``files`` are its socket, stdout and stderr."""
        if self.dropped:
            for fd in files:
                os.close(fd)
            return
        self._outputs = [(files[1], "stdout"), (files[2], "stderr")]
        for fd, stream in self._outputs:
            self._loop.watch_read(fd, functools.partial(self._read, fd, stream))
        self.connect(pid, socket.socket(fileno=files[0]))
        header = {"folder": self.snapshot.folder, "environment": self.environment}
        self.send(wire.LOAD, header, wire.dumps(self.flow))

    def _read(self, fd: int, stream: str) -> None:
        text = read_available(fd, _OUTPUT_BYTES)
        if text is None:
            self._loop.forget(fd)
        elif text and self.waiting:
            # What modules print while they load belongs to the run that loads them.
            self._observer.loading(self.waiting[0], stream, text)

    def heard(self, message: wire.Message) -> None:
        """Take note that the flow is loaded."""
        if message.kind == wire.LOADED:
            for fd, stream in self._outputs:
                self._read(fd, stream)
            if message.header["threads"] > 1:
                self.give_up()
                return
            self.snapshot.accept_extras()
            self.loaded = True
            self.fill(0)

    def refill(self) -> None:
        """Have spares again, and let the zygote get ready for other flows."""
        super().refill()
        self._zygote.warm()

    def give_up(self) -> None:
        """Let runs load by themselves, now and later."""
        self.broken = True
        self.close()
        waiting, self.waiting = list(self.waiting), type(self.waiting)()
        for run in waiting:
            self._zygote.ask(run)

    def disconnected(self) -> None:
        """Handle that loading ended the process, or that somebody killed it."""
        was_loaded, self.loaded = self.loaded, False
        if not self.dropped:
            self.give_up()
            # One that had worked is worth another attempt with the next run.
            self.dropped = was_loaded

    def close(self) -> None:
        """End the process."""
        pid = self.pid if self._link is not None else 0
        self.loaded = False
        super().close()
        if pid:
            process_tree.kill(pid)
        for fd, _stream in self._outputs:
            self._loop.forget(fd)
            os.close(fd)
        self._outputs = []


class Zygote(NurserySource):
    """The process that all others are forked from; started again when it ended."""

    def __init__(self, loop: Loop, observer: Observer, code_folder: str) -> None:
        super().__init__(loop, observer, prepared=False, spares=0)
        self._code_folder = code_folder
        self._templates: Dict[int, Template] = {}
        self._warmed = False

    def ensure(self) -> None:
        """Start the process unless it is there."""
        if self._link is not None:
            return
        self.connect(*start.zygote_of(self._code_folder))

    def ask(self, run: ActiveRun) -> None:
        """Give ``run`` an executor that has nothing loaded."""
        self.ensure()
        super().ask(run)

    def warm(self) -> None:
        """Have the process load what it has put off; nothing is urgent."""
        if not self._warmed:
            self._warmed = True
            self.send(wire.WARM, {})

    def start_template(self, template: Template) -> None:
        """Fork a template and let it load."""
        self.ensure()
        self._warmed = False
        token = self.make_template(template.take)
        self._templates[token] = template

    def template_refused(self, token: int, message: str) -> None:
        """Pass on why there is no template."""
        template = self._templates.pop(token)
        template.dropped = True
        for run in list(template.waiting):
            self._observer.refused(run, message)
        template.waiting.clear()

    def child_ended(self, pid: int, status: int) -> None:
        """Take note that a template or an executor ended."""
        for token, template in list(self._templates.items()):
            if template.pid == pid:
                del self._templates[token]
        super().child_ended(pid, status)

    def disconnected(self) -> None:
        """Fail those who wait; the next one starts the process again."""
        message = "the worker's process that starts executors has ended"
        waiting = list(self.waiting)
        self.waiting.clear()
        for template in self._templates.values():
            if not template.pid:
                waiting.extend(template.waiting)
                template.waiting.clear()
                template.dropped = True
        self._templates.clear()
        self._foreign.clear()
        for run in waiting:
            self._observer.refused(run, message)


def environment_of(run: ActiveRun) -> Dict[str, Any]:
    """Return the environment variables that must be there when code is imported."""
    return run.request.get("environment_variables") or {}


def _key_of(run: ActiveRun, snapshot: Snapshot) -> Key:
    return snapshot.digest, tuple(sorted(environment_of(run).items()))


def _names_a_connection(run: ActiveRun) -> bool:
    """Whether an environment variable is to hold a value of a connection."""
    raw = run.request["flow"].get("environment_variables") or {}
    values = [*raw.values(), *environment_of(run).values()]
    return any(isinstance(v, str) and v.strip().startswith("${") for v in values)


class ForkBackend:
    """All executors of a worker on a system that can fork.

    Parameters
    ----------
    loop, observer
        As everywhere.
    code_folder
        Where our own package lies.
    """

    feature = "fork"

    def __init__(self, loop: Loop, observer: Observer, code_folder: str) -> None:
        self._loop = loop
        self._observer = observer
        self._templates: "OrderedDict[int, Tuple[Key, Template]]" = OrderedDict()
        self._adopts = False
        self.zygote = Zygote(loop, observer, code_folder)

    def start(self) -> None:
        """Have the first process begin to load."""
        self.zygote.ensure()
        self._adopts = process_tree.adopt_orphans()

    def ask(self, run: ActiveRun, snapshot: Snapshot) -> None:
        """Find an executor for ``run``; the observer hears of it."""
        if run.secrets and _names_a_connection(run):
            # Code may read these variables while it loads, and secrets are for the
            # executor alone: a template lives on and serves other runs.
            self.zygote.ask(run)
            return
        template = self._find(run, snapshot) or self._make(run, snapshot)
        if template.broken:
            self.zygote.ask(run)
        else:
            template.ask(run)

    def has_loaded(self, run: ActiveRun, snapshot: Snapshot) -> bool:
        """Whether finding an executor runs no code of the flow, not even to load it."""
        if run.secrets and _names_a_connection(run):
            return True
        template = self._find(run, snapshot)
        return template is not None and (template.loaded or template.broken)

    def _find(self, run: ActiveRun, snapshot: Snapshot) -> Optional[Template]:
        key = _key_of(run, snapshot)
        flow = run.request["flow"]
        for number, (known, template) in list(self._templates.items()):
            if template.dropped:
                del self._templates[number]
            elif known == key and template.flow == flow:
                self._templates.move_to_end(number)
                return template
        return None

    def _make(self, run: ActiveRun, snapshot: Snapshot) -> Template:
        key = _key_of(run, snapshot)
        template = Template(self._loop, self._observer, self.zygote, snapshot, run)
        self._templates[id(template)] = (key, template)
        self.zygote.start_template(template)
        self._trim()
        return template

    def _trim(self) -> None:
        for number, (_key, template) in list(self._templates.items())[:-1]:
            if len(self._templates) <= MAX_TEMPLATES:
                return
            if not template.busy:
                self._drop(number)

    def _drop(self, number: int) -> None:
        _key, template = self._templates.pop(number)
        template.dropped = True
        template.close()

    def withdraw(self, run: ActiveRun, *, stuck: bool) -> bool:
        """Forget a run that waits; ``stuck``: what it waits for is given up as well."""
        if self.zygote.withdraw(run):
            return True
        for _key, template in list(self._templates.values()):
            if template.withdraw(run):
                if not template.loaded and (stuck or not template.waiting):
                    template.give_up()
                    template.dropped = True
                return True
        return False

    def drop_snapshot(self, snapshot: Snapshot) -> None:
        """End the templates that live in a folder which is about to go."""
        for number, (_key, template) in list(self._templates.items()):
            if template.snapshot is snapshot:
                self._drop(number)

    def reaped(self, pid: int, status: int) -> None:
        """Take note of a child of ours that ended: adopted, or the zygote."""
        for source in self._sources():
            source.child_ended(pid, status)

    def _sources(self) -> List[NurserySource]:
        return [self.zygote, *(entry[1] for entry in self._templates.values())]

    @property
    def busy(self) -> bool:
        """Whether any run depends on it."""
        return any(source.busy for source in self._sources())

    def own(self) -> Set[int]:
        """Return the processes that are no executors and must not be swept."""
        return {self.zygote.pid}

    def sweep(self, keep: AbstractSet[int] = frozenset()) -> bool:
        """Kill what outlived its executor; whether there was anything."""
        if not self._adopts:
            return False
        return bool(process_tree.end_strays(self.own() | keep))

    def processes(self) -> List[Dict[str, Any]]:
        """Return the processes that exist: pid, kind, snapshot."""
        found: List[Dict[str, Any]] = [
            {"pid": self.zygote.pid, "kind": "zygote", "snapshot": None}
        ]
        for source in self._sources():
            digest: Optional[str] = None
            if isinstance(source, Template):
                digest = source.snapshot.digest
                if source.loaded:
                    found.append(
                        {"pid": source.pid, "kind": "template", "snapshot": digest}
                    )
            for pid in source.executors:
                found.append({"pid": pid, "kind": "executor", "snapshot": digest})
        return found

    def close(self) -> None:
        """End everything."""
        for source in self._sources():
            pids = [source.pid, *source.executors]
            source.close()
            for pid in pids:
                if pid:
                    process_tree.kill(pid)
