"""Tells a notebook's front end when its cells go to another runtime than it shows."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from ..workspace.api import runtime_listeners

TARGET = "pf-jupyter:runtime"


def tell_front_end(shell: Any) -> Callable[[], None]:
    """Have the front end of a shell told of choices; return what ends that."""
    kernel: Any = getattr(shell, "kernel", None)

    def tell(name: str | None) -> None:
        # one message and no answer: front ends that do not know it leave it alone
        kernel.session.send(
            kernel.iopub_socket,
            "comm_open",
            {
                "comm_id": uuid.uuid4().hex,
                "target_name": TARGET,
                "data": {"runtime": name},
            },
            parent=kernel.get_parent(),
        )

    if kernel is None:
        return lambda: None
    runtime_listeners.append(tell)
    return lambda: runtime_listeners.remove(tell)
