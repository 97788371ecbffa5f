"""Connections in the store: encrypted, changed one field at a time, never shown."""

from __future__ import annotations

import os
import stat
import sys
import types

import pytest

from pf_jupyter.connections.keys import KEY_FILE, Keys, usable_keyring
from pf_jupyter.connections.stored import StoredConnections, shown
from pf_jupyter.errors import AlreadyExists, IllegalState, NotFound, UsageError
from pf_jupyter.store.store import Store

SECRET = "s3cret-äöü-value"


def create(stored, name="mine", **data):
    data = data or {"type": "custom", "configs": {"u": "1"}, "secrets": {"k": SECRET}}
    return stored.create(
        data, {}, name=name, scope="personal", owner="me", ask=lambda what: "typed"
    )


def update(stored, settings, name="mine", scope=None):
    return stored.update(name, {}, settings, scope=scope, ask=None)


def test_a_secret_is_written_encrypted_and_comes_back(store, stored):
    record = create(stored)
    assert SECRET not in repr(record)
    assert shown(record)["secrets"] == {"k": "*****"}
    sent = StoredConnections(store).for_run(["mine", "other"])
    assert list(sent) == ["mine"]
    assert sent["mine"]["value"] == {"u": "1", "k": SECRET}
    assert sent["mine"]["secret_keys"] == ["k"]
    store.close()
    for file in store.folder.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file


@pytest.mark.skipif(os.name == "nt", reason="modes say nothing there")
def test_the_key_is_for_its_owner_alone(store, stored):
    create(stored)
    file = store.folder / KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    assert StoredConnections(store).for_run(["mine"])["mine"]["value"]["k"] == SECRET
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_lost_key_is_told_and_the_secret_can_be_given_again(store, stored):
    create(stored)
    (store.folder / KEY_FILE).unlink()
    again = StoredConnections(store)
    with pytest.raises(IllegalState) as caught:
        again.for_run(["mine"])
    assert caught.value.code == "connection_key_missing"
    assert "update mine" in caught.value.hint
    assert [record.name for record in again.all()] == ["mine"]
    update(again, {"secrets.k": "new one"})
    assert again.for_run(["mine"])["mine"]["value"]["k"] == "new one"


def test_a_sealed_secret_opens_for_nothing_else(store, stored):
    create(stored)
    keys = Keys(store.folder, store.id)
    sealed = stored.record("mine").secrets["k"]
    assert keys.open("mine", "k", sealed) == SECRET
    for name, field in (("other", "k"), ("mine", "other")):
        with pytest.raises(IllegalState):
            keys.open(name, field, sealed)
    with pytest.raises(IllegalState):
        keys.open("mine", "k", {**sealed, "sealed": sealed["sealed"][:-4] + "AAA="})


def test_names_are_taken_once_and_missing_ones_name_the_nearest(stored):
    create(stored)
    with pytest.raises(AlreadyExists):
        create(stored)
    with pytest.raises(NotFound) as caught:
        stored.record("mime")
    assert caught.value.hint == "did you mean 'mine'?"
    with pytest.raises(NotFound):
        stored.delete("mime")
    stored.delete("mine")
    assert stored.names() == []
    with pytest.raises(NotFound) as caught:
        stored.record("mine")
    assert "connection create" in caught.value.hint


def test_a_name_that_is_taken_is_told_before_anything_is_asked(stored):
    create(stored)

    def ask(what):
        raise AssertionError(f"asked for {what}")

    data = {"type": "serp", "api_key": "<user-input>"}
    with pytest.raises(AlreadyExists):
        stored.create(data, {}, name="mine", scope="personal", owner="me", ask=ask)


def test_an_update_changes_what_is_given(stored):
    created = create(stored)
    changed = update(stored, {"configs.u": "2", "secrets.j": "${env:J}"}, scope=None)
    assert changed.configs == {"u": "2"}
    assert changed.secrets["k"] == created.secrets["k"]
    assert shown(changed)["secrets"] == {"k": "*****", "j": "${env:J}"}
    assert changed.changed_at > created.changed_at
    assert update(stored, {}, scope="workspace").scope == "workspace"
    sent = stored.for_run(["mine"], {"J": "from outside"})["mine"]
    assert sent["value"] == {"u": "2", "k": SECRET, "j": "from outside"}
    with pytest.raises(UsageError):
        update(stored, {}, scope="everybody")


def test_two_updates_at_once_do_not_undo_each_other(store, stored, monkeypatch):
    create(stored)
    other = StoredConnections(store)
    record = stored.record("mine")
    update(other, {"configs.u": "theirs"})
    monkeypatch.setattr(stored, "record", lambda name: record)
    with pytest.raises(IllegalState):
        update(stored, {"configs.u": "mine"})
    assert other.record("mine").configs == {"u": "theirs"}


class FakeKeyring:
    """A keyring in memory; `broken` makes it fail in the way locked ones do."""

    priority = 5
    broken = False

    def __init__(self):
        self.kept = {}

    def get_password(self, service, name):
        if self.broken:
            raise RuntimeError("the collection is locked")
        return self.kept.get((service, name))

    def set_password(self, service, name, value):
        if self.broken:
            raise RuntimeError("the collection is locked")
        self.kept[service, name] = value


@pytest.fixture
def keyring(monkeypatch):
    backend = FakeKeyring()
    module = types.ModuleType("keyring")
    module.get_keyring = lambda: backend
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.delenv("PF_JUPYTER_KEYRING", raising=False)
    return backend


def test_a_usable_keyring_holds_the_key(tmp_path, keyring):
    store = Store(tmp_path / "home")
    try:
        stored = StoredConnections(store)
        create(stored)
        assert len(keyring.kept) == 1
        assert not (store.folder / KEY_FILE).exists()
        again = StoredConnections(store)
        assert again.for_run(["mine"])["mine"]["value"]["k"] == SECRET
        keyring.broken = True
        with pytest.raises(IllegalState) as caught:
            StoredConnections(store).for_run(["mine"])
        assert "the keyring" in caught.value.message
        # a new secret never fails because of a keyring
        create(stored, name="other")
        assert (store.folder / KEY_FILE).exists()
        assert stored.for_run(["other"])["other"]["value"]["k"] == SECRET
    finally:
        store.close()


@pytest.mark.parametrize("way", ["broken", "weak", "unwanted", "raises"])
def test_no_keyring_is_needed(tmp_path, keyring, monkeypatch, way):
    if way == "broken":
        keyring.broken = True
    elif way == "weak":
        keyring.priority = 0
    elif way == "unwanted":
        monkeypatch.setenv("PF_JUPYTER_KEYRING", "0")
    else:
        monkeypatch.setattr(sys.modules["keyring"], "get_keyring", lambda: 1 / 0)
    store = Store(tmp_path / "home")
    try:
        stored = StoredConnections(store)
        create(stored)
        assert keyring.kept == {}
        assert (store.folder / KEY_FILE).is_file()
        assert stored.for_run(["mine"])["mine"]["value"]["k"] == SECRET
    finally:
        store.close()
    assert (usable_keyring() is None) == (way != "broken")


def test_a_keyring_that_never_answers_is_given_up(tmp_path, keyring, monkeypatch):
    import threading

    from pf_jupyter.connections import keys

    monkeypatch.setattr(keys, "_PATIENCE_SECONDS", 0.05)
    forever = threading.Event()
    monkeypatch.setattr(keyring, "get_password", lambda *names: forever.wait())
    store = Store(tmp_path / "home")
    try:
        create(StoredConnections(store))
        assert (store.folder / KEY_FILE).is_file()
    finally:
        store.close()
        forever.set()
