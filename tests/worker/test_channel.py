"""The host's end of the stream: requests, events, uploads, and every way to fail."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.errors import (
    IllegalState,
    PfError,
    RunCanceled,
    RuntimeFailed,
    Unreachable,
    UsageError,
)
from pf_jupyter.runtimes.channel import WorkerChannel, to_exception
from pf_jupyter.worker import protocol
from pf_jupyter.worker.known_flows import KnownFlows

HELLO = {"type": "hello", "protocol": protocol.PROTOCOL_VERSION, "python": "3.11.7"}


class SocketStream:
    """A `ByteStream` whose other side the test plays."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.closed = False

    def read(self, size: int) -> bytes:
        try:
            return self._sock.recv(size)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except OSError:
            raise Unreachable("gone") from None

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            try:
                self._sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stderr(self) -> str:
        return "last words"


class Peer:
    """The worker's side, played by hand."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._sock = theirs
        self._ours = ours
        self._decoder = protocol.Decoder()
        self.stream = SocketStream(ours)

    def say(self, message: dict[str, Any]) -> None:
        self._sock.sendall(protocol.encode(message))

    def say_bytes(self, data: bytes) -> None:
        self._sock.sendall(data)

    def hear(self) -> dict[str, Any]:
        self._sock.settimeout(20)
        while (message := self._decoder.next()) is None:
            data = self._sock.recv(65536)
            assert data
            self._decoder.feed(data)
        return message

    def answer(self, value: Any) -> dict[str, Any]:
        request = self.hear()
        self.say({"type": "result", "id": request["id"], "value": value})
        return request

    def refuse(self, code: str) -> dict[str, Any]:
        request = self.hear()
        error = {"code": code, "message": "because", "hint": "do that"}
        self.say({"type": "error", "id": request["id"], "error": error})
        return request

    def end(self) -> None:
        self._sock.close()

    def release(self) -> None:
        self._sock.close()
        self._ours.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.release()


@pytest.fixture
def channel(peer: Peer) -> Iterator[WorkerChannel]:
    made = WorkerChannel(peer.stream)
    peer.say(HELLO)
    made.handshake(20)
    yield made
    made.close()


def test_the_hello_is_returned(peer: Peer) -> None:
    channel = WorkerChannel(peer.stream)
    peer.say(HELLO)
    assert channel.handshake(20) == HELLO
    assert channel.handshake(20) == HELLO
    assert channel.alive
    channel.close()
    assert not channel.alive


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ended before it answered"),
        (b"sh: python: not found\n", "not ours: sh: python: not found"),
        (protocol.encode({**HELLO, "protocol": 99}), "speaks protocol 99"),
    ],
    ids=["end", "noise", "version"],
)
def test_a_bad_handshake_tells_why(peer: Peer, data: bytes, message: str) -> None:
    channel = WorkerChannel(peer.stream)
    peer.say_bytes(data)
    peer.end()
    with pytest.raises(RuntimeFailed, match=message) as info:
        channel.handshake(20)
    assert info.value.phase == "handshake"
    assert info.value.log == "last words"
    assert info.value.hint
    channel.close()


def test_silence_is_not_awaited_for_ever(peer: Peer) -> None:
    channel = WorkerChannel(peer.stream)
    with pytest.raises(RuntimeFailed, match=r"within 0\.05 seconds"):
        channel.handshake(0.05)
    channel.close()


def test_events_are_iterated_until_the_answer(
    peer: Peer, channel: WorkerChannel
) -> None:
    pending = channel.request("run", flow={})
    sent = peer.hear()
    assert sent == {"op": "run", "id": pending.id, "flow": {}}
    for number in range(3):
        peer.say({"type": "event", "id": sent["id"], "event": {"n": number}})
    with pytest.raises(TimeoutError):
        pending.result(0.01)
    peer.say({"type": "result", "id": sent["id"], "value": 7})
    assert [event["n"] for event in pending.events] == [0, 1, 2]
    assert list(pending.events) == []
    assert pending.result(60) == 7
    assert pending.done


def test_events_can_be_called_back(peer: Peer, channel: WorkerChannel) -> None:
    seen: list[Any] = []
    done = threading.Event()
    pending = channel.request("run", on_event=seen.append)
    sent = peer.hear()
    peer.say({"type": "event", "id": sent["id"], "event": {"n": 1}})
    pending.add_done_callback(lambda _: done.set())
    peer.say({"type": "result", "id": sent["id"], "value": None})
    assert done.wait(60)
    assert seen == [{"n": 1}]
    late = threading.Event()
    pending.add_done_callback(lambda _: late.set())
    assert late.is_set()


def test_answers_find_their_requests_in_any_order(
    peer: Peer, channel: WorkerChannel
) -> None:
    pending = [channel.request("ping", n=n) for n in range(5)]
    for request in reversed([peer.hear() for _ in range(5)]):
        peer.say({"type": "result", "id": request["id"], "value": request["n"]})
    assert [p.result(60) for p in pending] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("usage", UsageError),
        ("illegal_state", IllegalState),
        ("runtime_failed", RuntimeFailed),
        ("something_new", PfError),
    ],
)
def test_errors_become_exceptions(
    peer: Peer, channel: WorkerChannel, code: str, kind: type[PfError]
) -> None:
    pending = channel.request("ping")
    peer.refuse(code)
    with pytest.raises(kind, match="because") as info:
        pending.result(60)
    assert info.value.code == code
    assert info.value.hint == "do that"


def test_details_of_errors_are_kept() -> None:
    error = to_exception({"code": "x", "message": "m", "hint": "h", "file": "f"})
    assert error.to_dict() == {"code": "x", "message": "m", "hint": "h", "file": "f"}


def test_everything_pending_fails_when_the_stream_ends(
    peer: Peer, channel: WorkerChannel
) -> None:
    pending = [channel.request("run") for _ in range(3)]
    peer.end()
    for one in pending:
        with pytest.raises(RuntimeFailed, match="has ended") as info:
            one.result(60)
        assert info.value.phase == "run"
        assert info.value.log == "last words"
        assert list(one.events) == []
    with pytest.raises(RuntimeFailed):
        channel.request("ping")
    assert not channel.alive


def test_the_owner_knows_the_cause_better(peer: Peer, channel: WorkerChannel) -> None:
    pending = channel.request("run")
    cause = RuntimeFailed(
        "out of memory", phase="run", code="out_of_memory", hint="more", log="kernel"
    )
    channel.fail(cause)
    for call in (pending.result, lambda _: channel.request("ping")):
        with pytest.raises(RuntimeFailed, match="out of memory") as info:
            call(20)
        assert info.value.code == "out_of_memory"
        assert info.value.log == "kernel"


def test_garbage_in_the_middle_ends_the_channel(
    peer: Peer, channel: WorkerChannel
) -> None:
    pending = channel.request("run")
    peer.say_bytes(b"\xff\xff\xff\xff")
    with pytest.raises(RuntimeFailed, match="not ours"):
        pending.result(60)


def test_the_owner_hears_of_the_end_once(peer: Peer) -> None:
    ends: list[int] = []
    channel = WorkerChannel(peer.stream, on_close=lambda: ends.append(1))
    peer.say(HELLO)
    channel.handshake(20)
    peer.end()
    channel.close()
    channel.close()
    assert ends == [1]


DIGEST = hashlib.sha256(b"a").hexdigest()


class OneFile:
    path = "a.py"
    digest = DIGEST
    size = 1
    mode = 0o644

    def __init__(self, absolute: Path) -> None:
        self.absolute = absolute


class Snapshot:
    digest = "e" * 64

    def __init__(self, absolute: Path) -> None:
        self.files = [OneFile(absolute)]


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    (tmp_path / "a.py").write_text("a")
    return Snapshot(tmp_path / "a.py")


def test_a_snapshot_is_sent_only_when_it_is_missing(
    peer: Peer, channel: WorkerChannel, snapshot: Snapshot
) -> None:
    pending = channel.run(snapshot, {"flow": {}})
    asked = peer.refuse("snapshot_missing")
    assert asked["snapshot"] == snapshot.digest
    opened = peer.answer({"missing": [DIGEST]})
    assert opened["op"] == "snapshot.open"
    assert opened["files"][0]["path"] == "a.py"
    filled = peer.answer({"missing": []})
    assert filled["blobs"] == {DIGEST: "YQ=="}
    again = peer.answer("done")
    assert again["id"] == pending.id != asked["id"]
    assert pending.result(60) == "done"
    second = channel.run(snapshot, {"flow": {}})
    assert peer.answer("quick")["op"] == "run"
    assert second.result(60) == "quick"


def test_a_run_can_be_stopped_while_its_snapshot_is_sent(
    peer: Peer, channel: WorkerChannel, snapshot: Snapshot
) -> None:
    pending = channel.run(snapshot, {"flow": {}})
    peer.refuse("snapshot_missing")
    opened = peer.hear()
    stopper = threading.Thread(target=pending.cancel)
    stopper.start()
    assert peer.answer({"canceled": False})["op"] == "cancel"
    stopper.join(60)
    peer.say({"type": "result", "id": opened["id"], "value": {"missing": []}})
    with pytest.raises(RunCanceled):
        pending.result(60)


def test_a_file_that_went_away_is_told(
    peer: Peer, channel: WorkerChannel, snapshot: Snapshot
) -> None:
    snapshot.files[0].absolute.unlink()
    pending = channel.run(snapshot, {"flow": {}})
    peer.refuse("snapshot_missing")
    peer.answer({"missing": [DIGEST]})
    with pytest.raises(UsageError, match=r"a\.py cannot be read") as info:
        pending.result(60)
    assert info.value.code == "file_changed"


def test_a_file_that_changed_meanwhile_is_named(
    peer: Peer, channel: WorkerChannel, snapshot: Snapshot
) -> None:
    snapshot.files[0].absolute.write_text("b")
    pending = channel.run(snapshot, {"flow": {}})
    peer.refuse("snapshot_missing")
    peer.answer({"missing": [DIGEST]})
    with pytest.raises(UsageError, match=r"a\.py changed while") as info:
        pending.result(60)
    assert info.value.code == "file_changed"


def test_a_snapshot_that_never_arrives_is_not_sent_for_ever(
    peer: Peer, channel: WorkerChannel, snapshot: Snapshot
) -> None:
    pending = channel.run(snapshot, {"flow": {}})
    peer.refuse("snapshot_missing")
    peer.answer({"missing": []})
    peer.refuse("snapshot_missing")
    with pytest.raises(PfError) as info:
        pending.result(60)
    assert info.value.code == "snapshot_missing"


def test_cancel_asks_the_worker(peer: Peer, channel: WorkerChannel) -> None:
    pending = channel.request("run")
    sent = peer.hear()
    answers: list[bool] = []
    asker = threading.Thread(target=lambda: answers.append(pending.cancel()))
    asker.start()
    assert peer.answer({"canceled": True})["target"] == sent["id"]
    asker.join(60)
    assert answers == [True]
    peer.say({"type": "result", "id": sent["id"], "value": {"status": "Canceled"}})
    assert pending.result(60)["status"] == "Canceled"
    assert pending.cancel() is False


def test_a_large_upload_goes_in_portions(
    start_worker: Callable[..., Any], make_flow: Callable[..., Any]
) -> None:
    files = {f"data/{n}.txt": chr(97 + n) * 700_000 for n in range(6)}
    made = make_flow("return str(len(open('data/5.txt').read()))", files=files)
    worker = start_worker()
    assert worker.run(made)["outputs"] == {"answer": "700000"}


def test_a_flow_is_sent_once_and_again_when_it_was_forgotten(
    peer: Peer, channel: WorkerChannel, snapshot: Snapshot
) -> None:
    body = {"flow": {"name": "long"}, "flow_key": 7}
    for expected in ({"name": "long"}, None):
        pending = channel.run(snapshot, body)
        asked = peer.answer("done")
        assert (asked.get("flow"), asked["flow_key"]) == (expected, 7)
        assert pending.result(60) == "done"
    pending = channel.run(snapshot, body)
    assert "flow" not in peer.refuse("flow_missing")
    assert peer.answer({"missing": []})["op"] == "snapshot.open"
    assert peer.answer("all of it")["flow"] == {"name": "long"}
    assert pending.result(60) == "all of it"


def test_the_worker_keeps_what_the_host_counts_on(
    peer: Peer, channel: WorkerChannel, snapshot: Snapshot
) -> None:
    known = KnownFlows()
    for key in [*range(70), *range(60, 130), 3, 129]:
        pending = channel.run(snapshot, {"flow": {"number": key}, "flow_key": key})
        asked = peer.answer("done")
        assert known.complete(asked)
        assert asked["flow"] == {"number": key}
        assert pending.result(60) == "done"
    assert not known.complete({"flow_key": 0})
    assert known.complete({"flow": {}})
