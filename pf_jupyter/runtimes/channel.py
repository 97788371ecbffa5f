"""The host's end of the stream to a worker.

One thread reads; any number of threads ask. Each request becomes a `Pending`, which
gets the events and the answer of its own id.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .. import errors
from ..engines.api import ByteStream
from ..worker import protocol
from ..worker.known_flows import KEPT_FLOWS
from . import bytecode
from .bundle import bundle
from .pending import OnAsk, OnEvent, Pending, Upload, once_more, to_exception
from .upload import send_missing

if TYPE_CHECKING:
    from ..flow.contents import Snapshot

__all__ = ["OnEvent", "Pending", "WorkerChannel", "to_exception"]

_READ_SIZE = 1 << 16
_LACKING = ("snapshot_missing", "flow_missing")
_log = logging.getLogger(__name__)


class WorkerChannel:
    """Requests and answers over a stream to a worker.

    Parameters
    ----------
    stream
        From an engine's ``open_stream``, running the command of
        :func:`pf_jupyter.runtimes.bundle.command`. Owned by the channel from now on.
    on_close
        Called once, from the reading thread, when the stream has ended.
    """

    def __init__(
        self, stream: ByteStream, *, on_close: Callable[[], None] | None = None
    ) -> None:
        self._stream = stream
        self._on_close = on_close
        self._numbers = itertools.count(1)
        self._pending: dict[int, Pending] = {}
        self._known_flows: set[int] = set()
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._greeted = threading.Event()
        self._hello: dict[str, Any] | None = None
        self._cause: errors.PfError | None = None
        self._ended = False
        self._closing = False
        self._reader = threading.Thread(
            target=self._read, name="pf_jupyter worker channel", daemon=True
        )
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether the stream is still there, as far as we know."""
        return not self._ended and self._cause is None and not self._closing

    @property
    def idle(self) -> bool:
        """Whether nothing waits for an answer."""
        return not self._pending

    def handshake(self, timeout: float = 30.0) -> dict[str, Any]:
        """Return the worker's hello.

        Parameters
        ----------
        timeout
            Seconds to wait for it.

        Raises
        ------
        RuntimeFailed
            It did not come, or speaks another version of the protocol.
        """
        if not self._greeted.wait(timeout):
            raise self._failed_handshake(
                f"the worker did not answer within {timeout:g} seconds",
                "look at the runtime's logs; it may be out of memory or processors",
            )
        if self._hello is None:
            raise self._cause or self._failed_handshake(
                "the worker ended before it answered",
                "the runtime needs Python 3.9 or newer and a writable temporary folder",
            )
        version = self._hello.get("protocol")
        if version != protocol.PROTOCOL_VERSION:
            raise self._failed_handshake(
                f"the worker speaks protocol {version}, "
                f"this side {protocol.PROTOCOL_VERSION}",
                "restart the runtime",
            )
        return self._hello

    def _failed_handshake(self, message: str, hint: str) -> errors.RuntimeFailed:
        log = self._stream.stderr()
        return errors.RuntimeFailed(message, phase="handshake", log=log, hint=hint)

    def request(
        self, op: str, *, on_event: OnEvent | None = None, **fields: Any
    ) -> Pending:
        """Send a request.

        Parameters
        ----------
        op
            One of the operations of :mod:`pf_jupyter.worker.protocol`.
        on_event
            See `Pending`.
        fields
            The operation's fields.

        Raises
        ------
        RuntimeFailed
            The stream has ended.
        """
        return self._ask(op, on_event, fields, None)

    def _ask(
        self,
        op: str,
        on_event: OnEvent | None,
        fields: dict[str, Any],
        snapshot: Snapshot | None,
        on_ask: OnAsk | None = None,
        without: str = "",
    ) -> Pending:
        pending = Pending(self, next(self._numbers), on_event)
        pending.on_ask = on_ask
        if snapshot is not None:
            pending.upload = Upload(snapshot, op, fields)
        with self._lock:
            if self._ended:
                raise self._why()
            self._pending[pending.id] = pending
        if without:
            fields = {key: fields[key] for key in fields if key != without}
        self._send(pending, op, fields)
        return pending

    def _send(self, pending: Pending, op: str, fields: dict[str, Any]) -> None:
        try:
            frame = protocol.encode({"op": op, "id": pending.id, **fields})
            with self._write_lock:
                self._stream.write(frame)
        except errors.Unreachable:
            # The reading thread finds out as well, and may know more about the cause.
            if threading.current_thread() is not self._reader:
                self._reader.join(1.0)
            with self._lock:
                self._pending.pop(pending.id, None)
            raise self._why() from None
        except BaseException:
            with self._lock:
                self._pending.pop(pending.id, None)
            raise

    def go(self, pending: Pending) -> None:
        """Let a run begin that was sent as one that is held (see `Pending.go`)."""
        self._send(pending, "go", {"id": 0, "target": pending.id})

    def run(
        self,
        snapshot: Snapshot,
        body: Mapping[str, Any],
        on_event: OnEvent | None = None,
        on_ask: OnAsk | None = None,
    ) -> Pending:
        """Send a run, and before it what the worker lacks of its snapshot.

        The lack is found out by asking: when the snapshot is there, which is the common
        case, nothing but the run itself is sent.

        Parameters
        ----------
        snapshot
            The flow's folder.
        body
            RUN without ``op``, ``id`` and ``snapshot``. A flow that was sent before,
            with its key, is not sent again.
        on_event
            See `Pending`.
        on_ask
            Answers the run's questions, each in a thread of its own.
        """
        key = body.get("flow_key")
        without = "flow" if key in self._known_flows else ""
        pending = self._ask_in("run", snapshot, body, on_event, on_ask, without)
        if key is not None and not without:
            # those that the worker keeps are the last: it has all that we remember
            if len(self._known_flows) >= KEPT_FLOWS:
                self._known_flows.clear()
            self._known_flows.add(key)
        return pending

    def batch(
        self, snapshot: Snapshot, body: Mapping[str, Any], on_event: OnEvent
    ) -> Pending:
        """Open a batch; otherwise as `run`. Lines follow when it says ``opened``."""
        return self._ask_in("batch", snapshot, body, on_event)

    def inspect(
        self,
        snapshot: Snapshot,
        body: Mapping[str, Any],
        on_event: OnEvent | None = None,
    ) -> Pending:
        """Send an inspection; otherwise as `run`."""
        return self._ask_in("inspect", snapshot, body, on_event)

    def _ask_in(
        self,
        op: str,
        snapshot: Snapshot,
        body: Mapping[str, Any],
        on_event: OnEvent | None,
        on_ask: OnAsk | None = None,
        without: str = "",
    ) -> Pending:
        fields = {**body, "snapshot": snapshot.digest}
        return self._ask(op, on_event, fields, snapshot, on_ask, without)

    def _upload_and_retry(self, pending: Pending, upload: Upload) -> None:
        try:
            self.ensure_snapshot(upload.snapshot)
            with pending.sending:
                with self._lock:
                    pending.id = next(self._numbers)
                    if not pending.stopped and not self._ended:
                        self._pending[pending.id] = pending
                if not pending.stopped:
                    may = {"held": False} if pending.may_begin else {}
                    self._send(pending, upload.op, {**upload.fields, **may})
                    return
            message = "the run was stopped before it began"
            pending.settle(None, errors.RunCanceled(message, hint="run it again"))
        except errors.PfError as error:
            pending.settle(None, error)
        except Exception as error:
            message = f"sending the flow failed: {type(error).__name__}: {error}"
            pending.settle(None, errors.InternalError(message))

    def ensure_snapshot(self, snapshot: Snapshot, timeout: float = 300.0) -> None:
        """Upload what the worker lacks of a snapshot.

        Raises
        ------
        UsageError
            A file has changed or gone since the snapshot was taken.
        RuntimeFailed
            The stream ended, or the worker cannot store the files.
        """
        send_missing(self, snapshot, timeout)

    def fail(self, cause: errors.PfError) -> None:
        """End the channel; everything that is pending fails with ``cause``."""
        with self._lock:
            if self._cause is None:
                self._cause = cause
        self.close()

    def close(self) -> None:
        """End the stream, and with it the worker and all its processes."""
        self._closing = True
        self._stream.close()
        if threading.current_thread() is not self._reader:
            self._reader.join(5.0)

    # ---- the reading thread -------------------------------------------------

    def _read(self) -> None:
        decoder = protocol.Decoder()
        first = b""
        try:
            while data := self._stream.read(_READ_SIZE):
                if self._hello is None:
                    first = (first + data)[:2000]
                decoder.feed(data)
                while (body := decoder.next_body()) is not None:
                    self._take(protocol.decode(body), body)
        except protocol.ProtocolError:
            text = first.decode("utf-8", "replace").strip()
            self._set_cause(
                "the runtime sent something that is not ours"
                + (f": {text[:200]}" if self._hello is None else ""),
                "its Python must not print anything when it starts",
            )
        except errors.PfError as error:
            with self._lock:
                self._cause = self._cause or error
        finally:
            self._end()

    def _answer(self, pending: Pending, question: dict[str, Any]) -> None:
        value = None
        try:
            if pending.on_ask is not None:
                value = pending.on_ask(question)
        except Exception:
            # A question is a courtesy: without an answer the run does all of it itself.
            _log.exception("a question of a run was not answered")
        with contextlib.suppress(errors.PfError):
            self.request("answer", target=pending.id, value=value)

    def _set_cause(self, message: str, hint: str) -> None:
        phase = "handshake" if self._hello is None else "run"
        log = self._stream.stderr()
        error = errors.RuntimeFailed(message, phase=phase, log=log, hint=hint)
        with self._lock:
            self._cause = self._cause or error

    def _take(self, message: dict[str, Any], body: bytes) -> None:
        kind = message.get("type")
        if kind == "hello":
            self._hello = message
            self._greeted.set()
            return
        if kind == "bundle":
            same = message.get("magic") == bytecode.MAGIC
            archive = bytecode.archive() if same else bundle().archive
            self._stream.write(len(archive).to_bytes(4, "big") + archive)
            return
        number = message.get("id")
        with self._lock:
            pending = self._pending.get(number) if isinstance(number, int) else None
            if pending is not None and kind in ("result", "error"):
                del self._pending[pending.id]
        if pending is None:
            return
        if kind == "event":
            pending.notify(message["event"])
            return
        if kind == "ask":
            # Answering takes files and writes, for which this thread has no time.
            threading.Thread(
                target=self._answer,
                args=(pending, message["question"]),
                name="pf_jupyter answer",
                daemon=True,
            ).start()
            return
        if kind == "result":
            pending.settle(protocol.plain_result(message, body), None)
            return
        error = message["error"]
        upload, pending.upload = pending.upload, None
        if upload is None or error.get("code") not in _LACKING:
            pending.settle(None, to_exception(error))
            return
        # Uploading waits for answers, which only this thread can take.
        threading.Thread(
            target=self._upload_and_retry,
            args=(pending, upload),
            name="pf_jupyter snapshot upload",
            daemon=True,
        ).start()

    def _end(self) -> None:
        with self._lock:
            self._ended = True
            orphans = list(self._pending.values())
            self._pending.clear()
        self._stream.close()
        for pending in orphans:
            pending.settle(None, self._why())
        self._greeted.set()
        if self._on_close is not None:
            self._on_close()

    def _why(self) -> errors.PfError:
        """Return a fresh error that says why there is no stream any more."""
        if self._cause is not None:
            return once_more(self._cause)
        message = "the connection to the runtime's worker has ended"
        if self._closing:
            message = "the connection to the runtime's worker was closed"
        return errors.RuntimeFailed(
            message,
            phase="run",
            log=self._stream.stderr(),
            hint="start the runtime again; its logs may say more",
        )
