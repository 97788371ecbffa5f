"""Folders that runs work in: verified, kept inside, restored, shared, dropped."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.worker.snapshots import SnapshotError, Snapshots


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def entry(path: str, data: bytes, mode: int = 0o644) -> dict[str, Any]:
    return {"path": path, "digest": digest(data), "size": len(data), "mode": mode}


def blob(*contents: bytes) -> dict[str, str]:
    return {digest(data): base64.b64encode(data).decode() for data in contents}


ONE, TWO = digest(b"snapshot one"), digest(b"snapshot two")


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(str(tmp_path), 1000)


def test_a_folder_is_complete_when_all_was_sent(snapshots: Snapshots) -> None:
    files = [entry("a.py", b"a"), entry("b/c.sh", b"c", 0o755), entry("same.py", b"a")]
    missing = snapshots.open(ONE, files)
    assert sorted(missing) == sorted([digest(b"a"), digest(b"c")])
    assert snapshots.get(ONE) is None
    assert snapshots.fill(ONE, blob(b"a")) == [digest(b"c")]
    assert snapshots.fill(ONE, blob(b"c")) == []
    made = snapshots.get(ONE)
    assert made is not None
    assert Path(made.path("a.py")).read_bytes() == b"a"
    assert Path(made.path("same.py")).read_bytes() == b"a"
    assert os.stat(made.path("b/c.sh")).st_mode & 0o777 == 0o755
    assert snapshots.open(ONE, files) == []


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "/etc/x", "a//b", "", ".", "a/./b", "C:/x", "a\\b", "a\0b"],
)
def test_paths_stay_inside(snapshots: Snapshots, path: str) -> None:
    with pytest.raises(SnapshotError, match="stay inside"):
        snapshots.open(ONE, [entry(path, b"x")])


def test_a_file_cannot_be_a_folder_too(snapshots: Snapshots) -> None:
    with pytest.raises(SnapshotError, match="below a file"):
        snapshots.open(ONE, [entry("a", b"x"), entry("a/b", b"y")])


def test_digests_are_digests(snapshots: Snapshots) -> None:
    with pytest.raises(SnapshotError, match="not a digest"):
        snapshots.open("../../etc", [])


def test_contents_must_fit_their_digest(snapshots: Snapshots) -> None:
    snapshots.open(ONE, [entry("a.py", b"a")])
    wrong = {digest(b"a"): base64.b64encode(b"evil").decode()}
    with pytest.raises(SnapshotError, match="do not fit"):
        snapshots.fill(ONE, wrong)
    assert snapshots.get(ONE) is None
    with pytest.raises(SnapshotError, match="not opened"):
        snapshots.fill(TWO, blob(b"a"))


def test_contents_are_taken_from_other_snapshots(snapshots: Snapshots) -> None:
    snapshots.open(ONE, [entry("a.py", b"a"), entry("b.py", b"b")])
    snapshots.fill(ONE, blob(b"a", b"b"))
    one = snapshots.get(ONE)
    assert one is not None
    Path(one.path("b.py")).write_bytes(b"changed by a run")
    files = [entry("x.py", b"a"), entry("y.py", b"b"), entry("z.py", b"z")]
    # What is no longer what it was is not passed on.
    assert sorted(snapshots.open(TWO, files)) == sorted([digest(b"b"), digest(b"z")])


def test_a_folder_is_restored_after_its_last_run(snapshots: Snapshots) -> None:
    files = [entry("a.py", b"a"), entry("d/b.py", b"b"), entry("c.py", b"c")]
    snapshots.open(ONE, files)
    snapshots.fill(ONE, blob(b"a", b"b", b"c"))
    one = snapshots.get(ONE)
    assert one is not None
    snapshots.begin(one)
    snapshots.begin(one)
    one.dirty = True
    root = Path(one.folder)
    (root / "new").mkdir()
    (root / "new" / "x").write_text("x")
    (root / "d" / "y").write_text("y")
    (root / "__pycache__").mkdir()
    (root / "a.py").write_bytes(b"A")
    (root / "d" / "b.py").unlink()
    (root / "c.py").chmod(0o600)
    snapshots.end(one)
    assert (root / "new").exists()
    snapshots.end(one)
    assert not (root / "new").exists()
    assert not (root / "d" / "y").exists()
    assert (root / "__pycache__").exists()
    assert (root / "c.py").stat().st_mode & 0o777 == 0o644
    assert snapshots.get(ONE) is None
    assert sorted(snapshots.open(ONE, files)) == sorted([digest(b"a"), digest(b"b")])
    snapshots.fill(ONE, blob(b"a", b"b"))
    assert (root / "a.py").read_bytes() == b"a"
    assert (root / "d" / "b.py").read_bytes() == b"b"


def test_links_put_in_the_place_of_files_are_not_followed(
    snapshots: Snapshots, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.py").write_bytes(b"theirs")
    files = [entry("d/b.py", b"b")]
    snapshots.open(ONE, files)
    snapshots.fill(ONE, blob(b"b"))
    one = snapshots.get(ONE)
    assert one is not None
    snapshots.begin(one)
    (Path(one.folder) / "d" / "b.py").unlink()
    (Path(one.folder) / "d").rmdir()
    (Path(one.folder) / "d").symlink_to(outside)
    snapshots.end(one)
    assert snapshots.open(ONE, files) == [digest(b"b")]
    snapshots.fill(ONE, blob(b"b"))
    assert (outside / "b.py").read_bytes() == b"theirs"
    assert (Path(one.folder) / "d" / "b.py").read_bytes() == b"b"
    assert not (Path(one.folder) / "d").is_symlink()


def test_what_loading_made_may_stay(snapshots: Snapshots) -> None:
    snapshots.open(ONE, [entry("a.py", b"a")])
    snapshots.fill(ONE, blob(b"a"))
    one = snapshots.get(ONE)
    assert one is not None
    snapshots.begin(one)
    (Path(one.folder) / "cache.db").write_text("x")
    one.accept_extras()
    snapshots.end(one)
    assert (Path(one.folder) / "cache.db").exists()


def test_the_least_used_are_dropped_but_not_while_used(tmp_path: Path) -> None:
    snapshots = Snapshots(str(tmp_path), 1400)
    names = [digest(f"{n}".encode()) for n in range(4)]
    for name in names:
        data = name.encode() * 7
        snapshots.open(name, [entry("a.py", data)])
        snapshots.fill(name, blob(data))
    first = snapshots.get(names[0])
    oldest = snapshots._all[names[1]]
    assert first is not None
    snapshots.begin(oldest)
    surplus = snapshots.surplus()
    assert [made.digest for made in surplus] == [names[2]]
    for made in surplus:
        snapshots.drop(made)
        assert not Path(made.folder).exists()
    assert snapshots.get(names[2]) is None
    assert snapshots.get(names[3]) is not None
