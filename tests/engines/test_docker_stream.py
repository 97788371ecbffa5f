"""Taking apart what the engine multiplexes, however it arrives."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest

from pf_jupyter.engines.docker_address import Address
from pf_jupyter.engines.docker_profile import INSTANCE_LABEL
from pf_jupyter.engines.docker_stream import ExecStream
from pf_jupyter.engines.docker_watch import to_event
from pf_jupyter.errors import Unreachable

ADDRESS = Address("unix:///docker.sock")


class Script:
    """A connection that gives what it was told, piece by piece."""

    def __init__(self, pieces: list[bytes], error: OSError | None = None) -> None:
        self.pieces = pieces
        self.error = error
        self.sent = b""

    def receive(self, size: int) -> bytes:
        if not self.pieces:
            if self.error is not None:
                raise self.error
            return b""
        piece, rest = self.pieces[0][:size], self.pieces[0][size:]
        self.pieces[:1] = [rest] if rest else []
        return piece

    def send(self, data: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.sent += data

    def close(self) -> None:
        self.pieces.clear()


def frame(kind: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", kind, len(data)) + data


def read_all(stream: ExecStream, size: int) -> bytes:
    data = b""
    while piece := stream.read(size):
        assert len(piece) <= size
        data += piece
    return data


@pytest.mark.parametrize("seed", range(20))
def test_any_pieces_give_the_same_bytes(seed: int) -> None:
    dice = random.Random(seed)
    out, err, wire = b"", b"", b""
    for _ in range(40):
        data = dice.randbytes(dice.choice([0, 1, 5, 8, 9, 1000]))
        kind = dice.choice([1, 1, 2])
        wire += frame(kind, data)
        if kind == 1:
            out += data
        else:
            err += data
    pieces = []
    while wire:
        size = dice.choice([1, 3, 8, 13, 500])
        pieces.append(wire[:size])
        wire = wire[size:]
    came_with_header = pieces.pop(0)
    stream = ExecStream(Script(pieces), came_with_header, ADDRESS)
    assert read_all(stream, dice.choice([1, 7, 4096])) == out
    assert stream.stderr() == err.decode("utf-8", "replace")


def test_an_end_in_the_middle_of_a_frame_is_the_end() -> None:
    stream = ExecStream(Script([frame(1, b"abcdef")[:-3]]), b"", ADDRESS)
    assert read_all(stream, 100) == b"abc"


@pytest.mark.parametrize("size", [1, 4096])
def test_what_the_engine_says_of_a_failed_start_is_no_output(size: int) -> None:
    words = b'OCI runtime exec failed: exec failed: "x": executable file not found'
    stream = ExecStream(Script([frame(1, words)]), b"", ADDRESS)
    assert stream.read(size) == b""
    assert "executable file not found" in stream.stderr()


def test_the_same_words_later_are_output() -> None:
    wire = frame(1, b"a") + frame(1, b"OCI runtime exec failed: no")
    stream = ExecStream(Script([wire]), b"", ADDRESS)
    assert read_all(stream, 100) == b"aOCI runtime exec failed: no"


def test_a_connection_that_breaks_is_the_end() -> None:
    broken = ConnectionResetError(104, "reset")
    stream = ExecStream(Script([frame(1, b"a")], broken), b"", ADDRESS)
    assert read_all(stream, 10) == b"a"
    with pytest.raises(Unreachable) as caught:
        stream.write(b"x")
    assert caught.value.code == "stream_lost"


def test_a_connection_that_times_out_is_told() -> None:
    stream = ExecStream(Script([], TimeoutError("timed out")), b"", ADDRESS)
    with pytest.raises(Unreachable):
        stream.read(1)


def event(word: str, key: str = "Action", **attributes: str) -> dict[str, Any]:
    attributes = {INSTANCE_LABEL: "one", **attributes}
    return {key: word, "time": 1, "Actor": {"ID": "12", "Attributes": attributes}}


@pytest.mark.parametrize(
    ("raw", "kind", "code"),
    [
        (event("die", exitCode="3"), "died", 3),
        (event("died", "status", containerExitCode="9"), "died", 9),
        (event("remove"), "removed", None),
        (event("destroy"), "removed", None),
        (event("oom"), "oom", None),
    ],
)
def test_words_of_docker_and_podman(raw: Any, kind: str, code: int | None) -> None:
    told = to_event(raw)
    assert told is not None
    assert (told.id, told.kind, told.exit_code) == ("12", kind, code)


def test_other_events_are_not_told() -> None:
    assert to_event(event("exec_start: python3")) is None
    strange = event("die")
    del strange["Actor"]["Attributes"][INSTANCE_LABEL]
    assert to_event(strange) is None
