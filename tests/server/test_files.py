"""Files of those who ask: each person's own, whole or not at all, gone when unused."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import time

import pytest

from pf_jupyter.errors import IllegalState, NotFound, UsageError
from pf_jupyter.server.files import KEPT_SECONDS, Files
from pf_jupyter.workspace.parcels import folder_digest, pack, unpack

DATA = b"some content"
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path / "files")


def test_pieces_in_their_order_make_a_file(files):
    assert files.put("ana", DIGEST, 0, len(DATA), DATA[:4]) == (4, False)
    with pytest.raises(NotFound):
        files.find("ana", DIGEST, "x.csv")
    with pytest.raises(IllegalState):
        files.put("ana", DIGEST, 8, len(DATA), DATA[8:])
    assert files.put("ana", DIGEST, 0, len(DATA), DATA[:4]) == (4, False)  # twice
    assert files.put("ana", DIGEST, 4, len(DATA), DATA[4:]) == (len(DATA), True)
    assert files.find("ana", DIGEST, "x.csv").read_bytes() == DATA
    with pytest.raises(UsageError):
        files.find("ana", DIGEST, "../x")


def test_nobody_else_has_it(files):
    files.put("ana", DIGEST, 0, len(DATA), DATA)
    assert files.have("bo", DIGEST) == (0, False)
    with pytest.raises(NotFound):
        files.content("bo", DIGEST)


def test_what_is_not_the_content_of_its_digest_is_not_kept(files):
    with pytest.raises(UsageError) as caught:
        files.put("ana", DIGEST, 0, 3, b"bad")
    assert caught.value.code == "upload_incomplete"
    assert files.have("ana", DIGEST) == (0, False)


def test_what_nobody_uses_is_removed(files):
    files.put("ana", DIGEST, 0, len(DATA), DATA)
    files.sweep()
    content = files.content("ana", DIGEST)
    old = time.time() - KEPT_SECONDS - 60
    os.utime(content, (old, old))
    files.sweep()
    assert files.have("ana", DIGEST) == (0, False)


def test_a_folder_travels_and_stays_in_its_place(tmp_path):
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "run.sh").write_text("x")
    (source / "sub" / "run.sh").chmod(0o755)
    (source / "link").symlink_to("sub/run.sh")
    named = [("sub/run.sh", source / "sub" / "run.sh"), ("link", source / "link")]
    whole = tmp_path / "whole.tar"
    with whole.open("wb") as stream:
        pack(named, stream)
    assert hashlib.sha256(whole.read_bytes()).hexdigest() == folder_digest(named)
    unpack(whole, tmp_path / "to")
    assert (tmp_path / "to" / "link").read_text() == "x"
    assert (tmp_path / "to" / "sub" / "run.sh").stat().st_mode & 0o100


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("../out", ""),
        ("/out", ""),
        ("a/../../out", ""),
        ("out", "/etc/passwd"),
        ("out", "../../x"),
    ],
)
def test_a_folder_that_leads_elsewhere_is_refused(tmp_path, name, link):
    whole = tmp_path / "whole.tar"
    with tarfile.open(whole, "w") as tar:
        info = tarfile.TarInfo(name)
        if link:
            info.type, info.linkname = tarfile.SYMTYPE, link
        tar.addfile(info, io.BytesIO())
    (tmp_path / "to").mkdir()
    with pytest.raises(UsageError):
        unpack(whole, tmp_path / "to")
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "to").iterdir()) == []
