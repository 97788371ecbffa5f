"""What every panel is: a view made of what it knows, and work that never blocks.

A panel is written in Python alone::

    class Greeting(Panel):
        def __init__(self, workspace):
            self.names = None                      # None: not asked yet
            super().__init__(workspace)

        def begin(self):                           # once, when it is made
            self.work("names", lambda: self.workspace.runtimes.names(), self.know)

        def know(self, names):                     # in a lock, back from the thread
            self.names = names

        def view(self):                            # quick: no calls of the workspace
            if self.names is None:
                return page("Hello", loading("Asking for the runtimes"))
            return page("Hello", *map(text, self.names), actions=[
                button("Again", "again", icon="refresh", busy=self.working("names"))])

        def do_again(self):                        # what a button says
            self.begin()

The browser shows the view's HTML and tells what was clicked; static exports show the
same HTML.
"""

from __future__ import annotations

import contextvars
import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import anywidget
import traitlets

from ..errors import InternalError, PfError
from .assets import module, style
from .audience import attended
from .elements import Element, text_of
from .living import LivingGraph
from .outbox import OUTBOX
from .parts import button, row
from .shown import trouble

if TYPE_CHECKING:
    from ..workspace.api import Workspace

Result = TypeVar("Result")
_VIEW = "application/vnd.jupyter.widget-view+json"
VIEW_SECONDS = 1.0
"""How old a view may be while only its graphs live."""
FIRST_SECONDS = 0.1
UNATTENDED_SECONDS = 30.0
"""How long a panel may take for its first view before it is shown as it is."""
_HOST: contextvars.ContextVar[Panel | None] = contextvars.ContextVar(
    "panel that opens another one in its place", default=None
)
_UNIQUE = "pf0-"
"""What identities in views begin with; each place that shows one has its own."""


class Panel(anywidget.AnyWidget):
    """Base of all panels.

    Parameters
    ----------
    workspace
        What it is about.

    Attributes
    ----------
    trouble
        What went wrong with the last thing that was asked for; shown on top.
    graphs
        Living graphs of the view: what changes in them is told without a new view.
    """

    html = traitlets.Unicode("").tag(sync=True)
    _esm = module()
    _css = style()

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.trouble: PfError | None = None
        self.guest: Panel | None = None
        self.host: Panel | None = _HOST.get()
        self.lock = threading.RLock()
        if self.host is not None:
            self.lock = self.host.lock
        self.graphs: list[LivingGraph] = []
        self._sending = threading.Lock()
        self._works: dict[str, int] = {}
        self._stale = False
        self._drawn_at = 0.0
        self._idle = threading.Condition(self.lock)
        self._closed = False
        super().__init__(html="")
        self.on_msg(lambda _widget, content, _buffers: self._told(content))
        with self.lock:
            self.begin()
        self.html = self._drawn()

    # ---- what a panel says

    def begin(self) -> None:
        """Ask for what the view needs."""

    def view(self) -> Element:
        """Return what is seen now; called in the panel's lock, must not wait."""
        raise NotImplementedError

    def static(self) -> Element:
        """Return what is seen where nothing can be clicked."""
        return self.view()

    # ---- panels in this one's place

    def hosted(self, name: str, **about: Any) -> Panel:
        """Return another panel that is shown by this one."""
        from . import open_panel

        token = _HOST.set(self)
        try:
            return open_panel(self.workspace, name, **about)
        finally:
            _HOST.reset(token)

    def visit(self, name: str, **about: Any) -> None:
        """Show another panel in this one's place, with a way back."""
        self.trouble = None
        self.guest = self.hosted(name, **about)

    def returned(self) -> None:
        """Take note that the other panel was left."""

    def do_leave(self) -> None:
        """Come back from the panel that is in this one's place; its work goes on."""
        self.guest = None
        self.returned()

    def seen_graphs(self) -> list[LivingGraph]:
        """Return the graphs that are seen now."""
        return self.guest.seen_graphs() if self.guest is not None else self.graphs

    def inner(self) -> list[Panel]:
        """Return the panels that are shown by this one."""
        return [self.guest] if self.guest is not None else []

    @property
    def outermost(self) -> Panel:
        """Return the panel that the browser knows."""
        return self if self.host is None else self.host.outermost

    # ---- what a panel does

    def work(
        self,
        name: str,
        call: Callable[[], Result],
        then: Callable[[Result], None] | None = None,
        *,
        failed: Callable[[PfError], bool | None] | None = None,
    ) -> None:
        """Call something that may take its time in a thread of its own.

        Parameters
        ----------
        name
            What `working` knows it by.
        call
            Runs in the thread, without the panel's lock.
        then
            Takes what came of it, in the panel's lock.
        failed
            Takes its error, in the lock; when it returns True the error is not shown.
        """

        def run() -> None:
            error: PfError | None = None
            result: Result | None = None
            try:
                result = call()
            except PfError as known:
                error = known
            except Exception as unknown:
                error = _unexpected(unknown)
            with self.lock:
                try:
                    if error is not None:
                        if failed is None or not failed(error):
                            self.trouble = error
                    elif then is not None:
                        then(result)  # type: ignore[arg-type]
                except Exception as unknown:
                    self.trouble = _unexpected(unknown)
                self._works[name] -= 1
                self._idle.notify_all()
            self.changed()

        with self.lock:
            self._works[name] = self._works.get(name, 0) + 1
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(run,), name=f"panel: {name}", daemon=True
        ).start()
        self.changed()

    def working(self, name: str) -> bool:
        """Return whether something that `work` began goes on."""
        return self._works.get(name, 0) > 0

    def changed(self) -> None:
        """Have the view made anew, soon; from any thread."""
        self.outermost._stale = True
        self.stirred()

    def stirred(self) -> None:
        """Have the browser told what its graphs show now, soon; from any thread."""
        seen = self.outermost
        if not seen._closed:
            OUTBOX.ask(seen)

    def tell(self, **message: Any) -> None:
        """Send the browser a message that is no part of the view."""
        seen = self.outermost
        if not seen._closed:
            seen.send(message)

    def settle(self, seconds: float = 60.0) -> bool:
        """Wait until no work goes on; whether it came to that in time."""
        until = time.monotonic() + seconds
        with self._idle:
            while any(self._works.values()):
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._idle.wait(left)
        for panel in self.inner():
            if not panel.settle(max(until - time.monotonic(), 0.0)):
                return False
        self.outermost.flush()
        return True

    # ---- what comes from the browser

    def do_seen(self) -> None:
        """Take note that somebody looks at it."""

    def do_again(self) -> None:
        """Say all of it once more: a message was lost on the way."""

    def do_dismiss(self) -> None:
        """Take the error away."""
        self.trouble = None

    def act(self, what: str, **values: Any) -> None:
        """Do what a button says; the browser's messages end here.

        Parameters
        ----------
        what
            ``do_<what>`` is called.
        values
            What the button carries, and what is typed around it, as far as the method
            takes it.
        """
        guest = self.guest
        if guest is not None and (what != "leave" or guest.guest is not None):
            guest.act(what, **values)
            return
        method = getattr(self, f"do_{what}", None)
        if method is None:
            return
        code = method.__code__
        taken = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        takes_all = bool(code.co_flags & 0x08)
        given = {k: v for k, v in values.items() if takes_all or k in taken}
        with self.lock:
            try:
                method(**given)
            except PfError as error:
                self.trouble = error
            except Exception as error:
                self.trouble = _unexpected(error)
        self.changed()

    def _told(self, content: Any) -> None:
        if isinstance(content, dict) and isinstance(content.get("do"), str):
            values = {**(content.get("values") or {}), **(content.get("args") or {})}
            self.act(content["do"], **values)

    # ---- how it is shown

    def flush(self) -> None:
        """Send what changed: of the graphs, and the view if it is another one."""
        # What was taken first must leave first, whichever thread it is.
        with self._sending:
            if self._closed:
                return
            with self.lock:
                graphs = self.seen_graphs()
                patches = [patch for graph in graphs if (patch := graph.take())]
                now = time.monotonic()
                old = now - self._drawn_at > VIEW_SECONDS
                drawn = None
                if self._stale or (patches and old):
                    self._stale, self._drawn_at = False, now
                    drawn = self._drawn()
            for patch in patches:
                self.send(patch)
            if drawn is not None and drawn != self.html:
                self.html = drawn

    def close(self) -> None:
        """Take it away from the screen; what it began goes on."""
        self._closed = True
        for panel in self.inner():
            panel.close()
        super().close()

    def open(self) -> None:
        """Tell the browser of it, unless another panel shows it."""
        if self.host is None:
            super().open()

    def _drawn(self) -> str:
        with self.lock:
            if self.guest is not None:
                back = button("Back", "leave", icon="back", kind="quiet")
                head = str(row(back)) if self.guest.guest is None else ""
                return head + self.guest._drawn()
            try:
                shown = str(self.view())
            except Exception as error:
                shown = str(trouble(_unexpected(error)))
            if self.trouble is None:
                return shown
            return str(trouble(self.trouble, close="dismiss")) + shown

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _repr_mimebundle_(
        self, **_options: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        # What is kept in a file should say more than that something is on its way;
        # where nobody waits in front of it, there is time.
        self.settle(FIRST_SECONDS if attended() else UNATTENDED_SECONDS)
        bundle: dict[str, Any] = {
            "text/plain": self._plain(),
            "text/html": self.static_html(),
        }
        if attended():
            bundle[_VIEW] = {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.model_id,
            }
        return bundle, {}

    def static_html(self) -> str:
        """Return the panel as HTML that needs nothing else."""
        with self.lock:
            innermost = self
            while innermost.guest is not None:
                innermost = innermost.guest
            shown = str(innermost.static())
        shown = shown.replace(_UNIQUE, f"pf{uuid.uuid4().hex[:8]}-")
        sheet = f"<style>{style()}</style>"
        return f'<div class="pf-panel pf-static">{sheet}{shown}</div>'

    def _plain(self) -> str:
        with self.lock:
            return f"{self!r}\n{text_of(self.static_html())}"


def _unexpected(error: Exception) -> PfError:
    import traceback

    found = InternalError(f"{type(error).__name__}: {error}")
    found.hint = "this is a defect of pf_jupyter; please report it with these lines"
    found.details["traceback"] = "".join(traceback.format_exception(error)[-6:])
    return found
