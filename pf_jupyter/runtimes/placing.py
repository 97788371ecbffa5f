"""What an engine is asked to make for a runtime."""

from __future__ import annotations

from collections.abc import Mapping

from ..engines.api import InstanceSpec, Limits
from ..environments.corporate import runtime_variables
from ..store.records import RuntimeRecord
from . import identity
from .writable import is_writable


def instance_spec(
    record: RuntimeRecord, labels: Mapping[str, str], *, suffix: str = ""
) -> InstanceSpec:
    """Return the specification of a runtime's instance.

    Parameters
    ----------
    record
        The runtime.
    labels
        Labels by which the instance is found again.
    suffix
        Added to its name, where there is one of that name already.
    """
    return InstanceSpec(
        name=identity.instance_name(record) + suffix,
        image=record.image,
        labels=labels,
        limits=Limits(record.cpus, record.memory, record.pids),
        network="none" if record.network == "none" else "open",
        network_name=identity.network(record),
        environment=runtime_variables() if record.network != "none" else {},
        volume=identity.volume(record),
        writable=is_writable(record),
    )
