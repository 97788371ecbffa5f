"""What people's things are called on an engine: never the same for two of them."""

from __future__ import annotations

from pf_jupyter.runtimes import identity
from pf_jupyter.store.records import RuntimeRecord, timestamp


def named(owner: str) -> tuple[str, str]:
    """Return the volume and the network of a runtime of somebody's."""
    now = timestamp()
    record = RuntimeRecord(
        id="0" * 32,
        name="demo",
        kind="personal",
        owner=owner,
        compute="docker",
        engine="docker",
        isolated=True,
        state="ready",
        created_at=now,
        changed_at=now,
    )
    return identity.volume(record), identity.network(record)


def test_people_whose_names_are_alike_share_nothing() -> None:
    owners = ["ana", "Ana", "ana!", "-ana", "añana", "", "unknown", "!"]
    volumes, networks = zip(*map(named, owners), strict=True)
    assert len(set(volumes)) == len(set(networks)) == len(owners)
    for name in (*volumes, *networks):
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-")
    assert named("ana") == ("pf_jupyter-layers-ana", "pf_jupyter-ana")


def test_whose_process_it_is_has_the_engine_as_it_is() -> None:
    assert named(identity.process_user())[1] == ""
