"""Batches in several runtimes at once: part of the workspace interface."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .preview_api import PreviewsBatches

if TYPE_CHECKING:
    from .batch_api import BatchRun, RunsBatches


class StartsBatches(PreviewsBatches):
    """What a workspace can do with many rows in several of its runtimes."""

    runtimes: Any

    def batch(
        self,
        flow: str | Path | None = None,
        data: Any = None,
        *,
        runtimes: Sequence[Any],
        **options: Any,
    ) -> BatchRun:
        """Run a flow over rows in one or several runtimes; see `RunsBatches.batch`.

        Parameters
        ----------
        runtimes
            Them or their names. What comes after all lines runs in one of them.

        Raises
        ------
        UsageError
            No runtime is named.
        NotFound
            There is none of that name.
        """
        names = names_of(runtimes)
        if not names:
            raise UsageError(
                "no runtime is named", code="missing_argument", hint="name one or more"
            )
        first, *others = names
        runtime: RunsBatches = self.runtimes.get(first)
        return runtime.batch(flow, data, runtimes=others, **options)


def names_of(runtimes: Sequence[Any] | None) -> tuple[str, ...] | None:
    """Return the names of runtimes that are given themselves or by name."""
    if runtimes is None:
        return None
    if isinstance(runtimes, str):
        runtimes = [part.strip() for part in runtimes.split(",")]
    return tuple(str(getattr(runtime, "name", runtime)) for runtime in runtimes)


def dashboard_link(cluster: Mapping[str, Any]) -> str:
    """Return a link to the dashboard of a cluster, nothing when it has none."""
    address = str(cluster.get("dashboard") or "")
    if not address.startswith(("http://", "https://")):
        return ""
    safe = html.escape(address, quote=True)
    link = f'<a href="{safe}" target="_blank" rel="noopener">Dask dashboard</a>'
    return f"<div>{link}</div>"
