"""Collects what aggregation nodes log (flow-format sections 2.4 and 9 item 24)."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any, Dict, Iterator

from pf_jupyter.worker.execution.records import to_json_or_text


@contextlib.contextmanager
def collecting(metrics: Dict[str, Any]) -> Iterator[None]:
    """Put every metric that is logged in the ``with`` block into ``metrics``.

    The collector is the one of the promptflow package that tools import, real or ours;
    an environment without any has no tool that could log.
    """
    try:
        collector = importlib.import_module("promptflow._core.metric_logger")
    except ImportError:
        yield
        return

    def collect(key: Any, value: Any) -> None:
        metrics[str(key)] = to_json_or_text(value)

    collector.add_metric_logger(collect)
    try:
        yield
    finally:
        collector.remove_metric_logger(collect)
