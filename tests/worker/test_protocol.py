"""Frames, values and inner messages survive the way, in whatever pieces they come."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pf_jupyter.worker import protocol, wire
from pf_jupyter.worker.bounded_text import BoundedText

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.dates()
    | st.datetimes()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.integers() | st.just("$pf"), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_values_come_back_as_they_were(value: Any) -> None:
    packed = json.loads(json.dumps(protocol.pack_value(value)))
    assert protocol.unpack_value(packed) == value


def test_other_values_are_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        protocol.pack_value(object())
    with pytest.raises(protocol.ProtocolError, match="unknown value tag"):
        protocol.unpack_value({"$pf": "pickle", "value": ""})


@given(
    st.lists(st.dictionaries(st.text(), st.text() | st.integers(), max_size=3)),
    st.integers(1, 9),
)
def test_frames_come_in_any_pieces(messages: list[dict[str, Any]], size: int) -> None:
    data = b"".join(protocol.encode(message) for message in messages)
    decoder = protocol.Decoder()
    received = []
    for start in range(0, len(data), size):
        decoder.feed(data[start : start + size])
        while (message := decoder.next()) is not None:
            received.append(message)
    assert received == messages


def test_lone_surrogates_survive() -> None:
    decoder = protocol.Decoder()
    decoder.feed(protocol.encode({"text": "\ud800"}))
    assert decoder.next() == {"text": "\ud800"}


@pytest.mark.parametrize(
    "data", [b"Trac", b"\0\0\0\4nope", b"\0\0\0\2[]", b"\0\0\0\2\xff\xff"]
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    decoder = protocol.Decoder()
    decoder.feed(data)
    with pytest.raises(protocol.ProtocolError):
        decoder.next()


def test_bodies_can_be_passed_on_unread() -> None:
    decoder = protocol.Decoder()
    decoder.feed(protocol.encode({"a": 1}) + protocol.encode({"b": 2})[:5])
    body = decoder.next_body()
    assert body == b'{"a":1}'
    assert protocol.decode(body) == {"a": 1}
    assert decoder.next_body() is None


def test_too_large_a_message_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_FRAME_BYTES", 100)
    with pytest.raises(protocol.ProtocolError, match="too large"):
        protocol.encode({"text": "x" * 100})


@given(
    st.lists(
        st.tuples(
            st.integers(1, 14),
            st.dictionaries(st.text(), st.integers(), max_size=2),
            st.binary(max_size=40),
        )
    ),
    st.integers(1, 7),
)
def test_inner_messages_come_in_any_pieces(
    messages: list[tuple[int, dict[str, Any], bytes]], size: int
) -> None:
    data = b"".join(wire.pack(*message) for message in messages)
    parser = wire.Parser()
    received: list[tuple[int, dict[str, Any], bytes]] = []
    for start in range(0, len(data), size):
        received.extend(parser.feed(data[start : start + size]))
    assert received == messages


def test_a_wire_ends_when_the_other_side_does() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        near, far = wire.socket_wire(ours), wire.socket_wire(theirs)
        near.send(wire.LOG, {"node": "a"}, b"text")
        near.send(wire.RESULT)
        assert far.receive() == (wire.LOG, {"node": "a"}, b"text")
        assert far.receive() == (wire.RESULT, {}, b"")
        ours.close()
        assert far.receive() is None


@given(st.lists(st.binary(max_size=30)), st.integers(2, 60))
def test_bounded_text_keeps_both_ends(pieces: list[bytes], limit: int) -> None:
    text = BoundedText(limit)
    for piece in pieces:
        text.add(piece)
    whole = b"".join(pieces)
    half = limit // 2
    kept = text.text()
    if len(whole) <= 2 * half:
        assert kept == whole.decode("utf-8", "replace")
        assert text.dropped_bytes == 0
    else:
        assert kept.startswith(whole[:half].decode("utf-8", "replace"))
        assert kept.endswith(whole[-half:].decode("utf-8", "replace"))
        assert text.dropped_bytes == len(whole) - 2 * half
