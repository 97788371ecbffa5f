"""Calls of services keep the pace that control gives."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from pf_jupyter.worker.execution.llm.pace import (
    LIBRARIES,
    Pace,
    keep_pace,
    service_of,
)

PATIENCE = 60.0
CHAT = "http://models.test/v1/chat/completions"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Undo what `keep_pace` does."""
    loaded = [sys.modules[name] for name in LIBRARIES if name in sys.modules]
    kinds = [kind for one in loaded for kind in (one.Client, one.AsyncClient)]
    before = [kind.send for kind in kinds]
    finders = list(sys.meta_path)
    yield
    sys.meta_path[:] = finders
    for kind, send in zip(kinds, before, strict=True):
        kind.send = send


TOO_LATE, IN_TIME = -1e9, 1e9
"""Moments of leaves: long ago, and not even here."""


class Control:
    """Keeps what it is told, and gives leave when it is asked to."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.asked = threading.Semaphore(0)
        self.pace = Pace(self.tell)

    def tell(self, header: dict[str, Any]) -> None:
        self.told.append(header)
        if "number" in header:
            self.asked.release()


def answer(request: httpx.Request) -> httpx.Response:
    status = 429 if b"too many" in request.content else 200
    return httpx.Response(status, headers={"Retry-After": "2", "Server": "x"})


def test_a_call_is_told_of_before_and_after() -> None:
    control = Control()
    keep_pace(control.pace)
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        client.post(CHAT, json={"model": "m"})
        client.post(CHAT, json={"model": "m", "text": "too many"})
        client.get(CHAT)
    first, second, third, fourth = control.told
    assert first == third == {"service": first["service"]}
    assert first["service"].startswith(f"{CHAT} m ")
    assert (second["refused"], fourth["refused"]) == (False, True)
    assert fourth["headers"] == {"retry-after": "2"}
    assert fourth["age"] >= 0


def test_where_a_limit_is_known_leave_is_waited_for() -> None:
    control = Control()
    keep_pace(control.pace)
    service = service_of(httpx.Request("POST", CHAT, json={"model": "m"}))
    control.pace.heard({"limited": [service]})
    done = threading.Event()

    def call() -> None:
        with httpx.Client(transport=httpx.MockTransport(answer)) as client:
            client.post(CHAT, json={"model": "m"})
        done.set()

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    assert control.asked.acquire(timeout=PATIENCE)
    assert not done.is_set()
    assert [set(told) for told in control.told] == [{"service", "number"}]
    # leave that came too late is given back, and asked for again
    first = control.told[0]["number"]
    control.pace.heard({"numbers": [first], "at": TOO_LATE})
    assert control.asked.acquire(timeout=PATIENCE)
    assert not done.is_set()
    assert control.told[1] == {"service": service, "unused": TOO_LATE}
    control.pace.heard({"numbers": [control.told[2]["number"]], "at": IN_TIME})
    assert done.wait(PATIENCE)
    thread.join(PATIENCE)


def test_so_it_is_on_a_loop_and_the_loop_goes_on() -> None:
    control = Control()
    keep_pace(control.pace)
    service = service_of(httpx.Request("POST", CHAT, json={"model": "m"}))
    control.pace.heard({"limited": [service]})

    async def work() -> int:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            calls = [
                asyncio.create_task(client.post(CHAT, json={"model": "m"}))
                for _ in range(3)
            ]
            while len(control.told) < 3:
                await asyncio.sleep(0)
            calls[0].cancel()
            numbers = [told["number"] for told in control.told]
            threading.Thread(
                target=control.pace.heard, args=({"numbers": numbers, "at": IN_TIME},)
            ).start()
            answers = await asyncio.gather(*calls, return_exceptions=True)
        return sum(isinstance(one, httpx.Response) for one in answers)

    assert asyncio.run(work()) == 2


def test_what_shares_a_limit() -> None:
    def of(url: str = CHAT, key: str = "k", **body: Any) -> str | None:
        headers = {"Authorization": f"Bearer {key}"}
        return service_of(httpx.Request("POST", url, json=body, headers=headers))

    assert of(model="m", n=1) == of(model="m", n=2)
    assert of(model="m") != of(model="other")
    assert of(model="m") != of(model="m", key="another")
    assert of(model="m") != of("http://models.test/v1/embeddings", model="m")
    assert of(text='say "model": "x"', model="m") == of(text="", model="m")
    assert "secret" not in str(of(model="m", key="secret"))
    assert service_of(httpx.Request("GET", CHAT)) is None


def test_a_library_that_is_loaded_later_is_attended_to() -> None:
    code = """
import importlib.util
import sys
from pf_jupyter.worker.execution.llm.pace import Pace, keep_pace
told = []
keep_pace(Pace(told.append))
assert "httpx" not in sys.modules
assert len(sys.meta_path) > 1
import httpx
with httpx.Client(transport=httpx.MockTransport(lambda r: httpx.Response(200))) as c:
    c.post("http://models.test/v1")
assert len(told) == 2, told
assert importlib.util.find_spec("no_such_library") is None
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
