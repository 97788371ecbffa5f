"""What a batch run keeps of itself beside its results: its flow, and its choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError


@dataclass(frozen=True)
class KeptFile:
    """One file of a flow as it was run.

    Parameters
    ----------
    path
        In the flow's folder, with slashes.
    size
        Bytes.
    text
        What is in it; None when that is no text, or too much of it to be shown.
    """

    path: str
    size: int
    text: str | None


@dataclass(frozen=True)
class KeptFlow:
    """The flow as it was when the batch began.

    Parameters
    ----------
    path
        Where it was.
    digest
        Of its files, known even where the files themselves were too large to keep.
    files
        In the order of their paths; empty when they were not kept.
    """

    path: str
    digest: str
    files: Sequence[KeptFile]


class KeepsItself:
    """The part of a batch run that tells what it was started with.

    Attributes
    ----------
    description
        What it is for, in words of whoever started it.
    """

    description: str = ""

    def kept_flow(self) -> KeptFlow:
        """Return the flow's files as they were run.

        Raises
        ------
        UsageError
            They are kept where this process does not read files.
        """
        raise UsageError(
            "the files of this run are kept by a server, which does not show them here",
            code="no_batches",
            hint="export the run: they are in its folder 'snapshot'",
        )

    def chosen(self) -> Mapping[str, Any]:
        """Return what it was started with, to start another one like it.

        Names and values are those of `RunsBatches.batch`; ``mapping`` is the whole one.
        ``others`` names further choices whose values may be secret. Empty where they
        are not known.
        """
        return {}
