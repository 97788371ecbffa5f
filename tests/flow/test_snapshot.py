import os
import socket
import sys
import time
import zipfile
from hashlib import sha256
from io import BytesIO

import pytest

from pf_jupyter.errors import NotFound, UsageError
from pf_jupyter.flow import folder as limits
from pf_jupyter.flow import snapshot as module
from pf_jupyter.flow.contents import Digests
from pf_jupyter.flow.folder import list_folder
from pf_jupyter.flow.snapshot import Loader
from pf_jupyter.flow.variants import InvalidFlowError


@pytest.fixture
def loader():
    return Loader()


def paths(loaded):
    return [file.path for file in loaded.snapshot.files]


def settle(folder):
    """Give files times in the past, as they have when somebody wrote them."""
    for path in folder.rglob("*"):
        os.utime(path, ns=(1_000_000_000_123, 1_000_000_000_123))


def test_a_snapshot_holds_every_file_with_its_digest(loader, write_flow):
    folder = write_flow(files={"sub/data.bin": b"\x00\xff"})
    (folder / "summarise.py").chmod(0o755)
    snapshot = loader.load(folder).snapshot
    assert [file.path for file in snapshot.files] == [
        *("flow.dag.yaml", "report.jinja2", "sub/data.bin", "summarise.py")
    ]
    for file in snapshot.files:
        assert file.digest == sha256(file.read()).hexdigest()
        assert file.size == len(file.read())
    assert snapshot.files[3].mode == 0o755
    assert snapshot.files[2].mode == 0o644
    assert snapshot.size == sum(file.size for file in snapshot.files)


def test_the_digest_tells_contents_names_and_modes_apart(loader, write_flow):
    folder = write_flow(files={"a.txt": "1"})
    digests = [loader.load(folder).snapshot.digest]
    (folder / "a.txt").write_text("2")
    digests.append(loader.load(folder).snapshot.digest)
    (folder / "a.txt").rename(folder / "b.txt")
    digests.append(loader.load(folder).snapshot.digest)
    (folder / "b.txt").chmod(0o755)
    digests.append(loader.load(folder).snapshot.digest)
    assert len(set(digests)) == 4
    (folder / "b.txt").chmod(0o644)
    (folder / "b.txt").rename(folder / "a.txt")
    (folder / "a.txt").write_text("1")
    assert loader.load(folder).snapshot.digest == digests[0]


def test_what_is_no_part_of_a_flow_is_left_out(loader, write_flow):
    ignored = {
        "__pycache__/x.pyc": "",
        ".git/HEAD": "",
        ".promptflow/flow.tools.json": "",
        ".ipynb_checkpoints/a.ipynb": "",
        "sub/__pycache__/y.pyc": "",
        "env/pyvenv.cfg": "",
        "env/lib/thing.py": "",
    }
    folder = write_flow(files={**ignored, "sub/kept.py": ""})
    assert set(ignored).isdisjoint(paths(loader.load(folder)))
    assert "sub/kept.py" in paths(loader.load(folder))


def test_an_unchanged_flow_is_not_read_again(loader, write_flow, monkeypatch):
    folder = write_flow()
    first = loader.load(folder)
    time.sleep(0.06)
    loader.load(folder)
    monkeypatch.setattr(module, "read_flow", None)
    monkeypatch.setattr(Digests, "digest", None)
    assert loader.load(folder) is first
    assert loader.load(str(folder)) is first
    assert loader.load(folder / "flow.dag.yaml") is first


@pytest.fixture
def looked_at(loader, write_flow, monkeypatch):
    """A flow whose folder was listed when all in it was old; and its lists since."""
    folder = write_flow(files={"sub/a.txt": "1", "__pycache__/x.pyc": "0"})
    time.sleep(0.06)
    loader.load(folder)
    loader.load(folder)
    lists = []

    def listed(*arguments):
        lists.append(arguments)
        return list_folder(*arguments)

    monkeypatch.setattr(module, "list_folder", listed)
    return folder, lists


@pytest.mark.skipif(os.name != "posix", reason="elsewhere folders have no such times")
def test_a_folder_in_which_nothing_changed_is_not_even_listed(loader, looked_at):
    folder, lists = looked_at
    assert loader.load(folder).ok
    (folder / "__pycache__" / "y.pyc").write_text("no part of the flow")
    assert loader.load(folder).ok
    assert lists == []


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "sub" / "b.txt").write_text("new"),
        lambda folder: (folder / "sub" / "a.txt").write_text("2"),
        lambda folder: (folder / "sub" / "a.txt").unlink(),
        lambda folder: (folder / "sub" / "a.txt").rename(folder / "sub" / "c.txt"),
        lambda folder: (folder / "sub" / "a.txt").chmod(0o755),
        lambda folder: (folder / "deep").mkdir() or (folder / "deep/d").write_text(""),
        lambda folder: (folder / "sub").rename(folder / "other"),
        lambda folder: (folder / "flow.dag.yaml").rename(folder / "flow.dag.yml"),
    ],
)
def test_whatever_changes_below_a_folder_is_seen(loader, looked_at, change):
    folder, lists = looked_at
    before = loader.load(folder).snapshot
    change(folder)
    after = loader.load(folder).snapshot
    assert after.digest != before.digest
    assert after.digest == Loader().load(folder).snapshot.digest
    assert lists


def test_a_folder_with_links_is_listed_every_time(loader, looked_at):
    folder, lists = looked_at
    (folder / "b.txt").symlink_to("sub/a.txt")
    time.sleep(0.06)
    for _ in range(3):
        lists.clear()
        assert loader.load(folder).ok
        assert lists


def test_files_written_anew_with_the_same_contents_are_not_read_as_a_flow_again(
    loader, write_flow, monkeypatch
):
    first = loader.load(write_flow())
    monkeypatch.setattr(module, "read_flow", None)
    assert loader.load(write_flow()) is first


def test_a_change_of_equal_size_within_a_tick_of_the_clock_is_seen(loader, write_flow):
    folder = write_flow(files={"a.txt": "0"})
    seen = set()
    for number in range(50):
        (folder / "a.txt").write_text(str(number % 10))
        snapshot = loader.load(folder).snapshot
        seen.add(snapshot.digest)
        (file,) = (file for file in snapshot.files if file.path == "a.txt")
        assert file.digest == sha256(str(number % 10).encode()).hexdigest()
    assert len(seen) == 10


@pytest.mark.skipif(os.name != "posix", reason="change times are POSIX's")
def test_a_change_whose_time_is_put_back_is_seen(loader, write_flow):
    folder = write_flow(files={"a.txt": "one"})
    settle(folder)
    time.sleep(0.06)
    first = loader.load(folder).snapshot
    time.sleep(0.06)
    loader.load(folder)
    (folder / "a.txt").write_text("two")
    settle(folder)
    assert loader.load(folder).snapshot.digest != first.digest


def test_problems_go_away_when_the_file_is_mended(loader, write_flow):
    folder = write_flow(files={"summarise.py": "def f(:\n"})
    assert [p.code for p in loader.load(folder).problems] == ["PythonLoadError"]
    assert loader.load(write_flow()).ok


def test_the_loader_keeps_a_bounded_number_of_flows(loader, write_flow, monkeypatch):
    monkeypatch.setattr(module, "_MAX_KEPT", 2)
    folder = write_flow()
    for name in "abc":
        (folder / f"{name}.yaml").write_text("nodes: []\n")
        loader.load(folder / f"{name}.yaml")
    assert len(loader._kept) == 2


def test_links_inside_are_followed_and_loops_are_not(loader, write_flow):
    folder = write_flow(files={"sub/a.txt": "x"})
    (folder / "same").symlink_to(folder / "sub", target_is_directory=True)
    (folder / "copy.txt").symlink_to("sub/a.txt")
    (folder / "gone.txt").symlink_to("nowhere")
    (folder / "sub" / "up").symlink_to(folder, target_is_directory=True)
    loaded = loader.load(folder)
    assert {p.code for p in loaded.problems} == {"symlink_loop"}
    assert {"copy.txt", "same/a.txt", "sub/a.txt"} <= set(paths(loaded))
    assert "gone.txt" not in paths(loaded)


def test_links_that_lead_out_are_refused(loader, write_flow, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("s3cret")
    folder = write_flow()
    (folder / "data").symlink_to(tmp_path / "secrets", target_is_directory=True)
    (folder / "key.txt").symlink_to(tmp_path / "secrets" / "key")
    # A name that merely begins like the folder's is outside as well.
    (tmp_path / "my-flow-2").write_text("x")
    (folder / "near").symlink_to(tmp_path / "my-flow-2")
    loaded = loader.load(folder)
    assert {(p.code, p.file) for p in loaded.problems} == {
        ("path_outside_flow", "data"),
        ("path_outside_flow", "key.txt"),
        ("path_outside_flow", "near"),
    }
    assert paths(loaded) == ["flow.dag.yaml", "report.jinja2", "summarise.py"]


def test_a_flow_file_that_is_a_link_out_is_not_read(loader, write_flow, tmp_path):
    (tmp_path / "outside.yaml").write_text("nodes: []\n")
    folder = write_flow()
    (folder / "flow.dag.yaml").unlink()
    (folder / "flow.dag.yaml").symlink_to(tmp_path / "outside.yaml")
    loaded = loader.load(folder)
    assert [p.code for p in loaded.problems] == ["path_outside_flow"]
    assert loaded.flow is None


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes in the file system")
@pytest.mark.timeout(20)
def test_pipes_and_sockets_are_left_alone(loader, write_flow, monkeypatch):
    folder = write_flow()
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert paths(loader.load(folder)) == [
            *("flow.dag.yaml", "report.jinja2", "summarise.py")
        ]


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_FILES", 3), ("MAX_TOTAL_BYTES", 500)]
)
def test_a_folder_that_is_absurdly_large_is_refused(
    loader, write_flow, monkeypatch, limit, value
):
    monkeypatch.setattr(limits, limit, value)
    loaded = loader.load(write_flow(files={"a.txt": "x" * 400, "b.txt": ""}))
    assert [p.code for p in loaded.problems] == ["folder_too_large"]
    assert loaded.snapshot is None
    assert "outside of the flow folder" in loaded.problems[0].hint


INCLUDES = """\
nodes: []
additional_includes:
- ../shared
- ../one.txt
- ../packed.zip
- summarise.py
"""


def test_additional_includes_lie_on_top(loader, write_flow, tmp_path):
    folder = write_flow(INCLUDES, {"one.txt": "own"})
    for path in ("shared/a.py", "shared/deep/b.py", "packed/c.txt", "packed/d/e.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / "one.txt").write_text("shared")
    loaded = loader.load(folder)
    assert loaded.problems == []
    files = {file.path: file for file in loaded.snapshot.files}
    assert {"shared/a.py", "shared/deep/b.py", "packed.zip"} <= set(files)
    assert files["one.txt"].read() == b"shared"
    with zipfile.ZipFile(BytesIO(files["packed.zip"].read())) as archive:
        assert archive.namelist() == ["packed/c.txt", "packed/d/e.txt"]
        assert archive.read("packed/d/e.txt") == b"packed/d/e.txt"
    assert [(w.code, w.line, w.column) for w in loaded.warnings] == [
        ("include_overwrites", 4, 3),
        ("include_overwrites", 6, 3),
    ]
    (tmp_path / "shared" / "a.py").write_text("changed")
    again = loader.load(folder).snapshot
    assert again.digest != loaded.snapshot.digest
    assert Loader().load(folder).snapshot.digest == again.digest


def test_includes_that_are_not_there_or_not_relative(loader, write_flow, tmp_path):
    text = f'nodes: []\nadditional_includes:\n- ../gone\n- {tmp_path}\n- "a\\0b"\n'
    loaded = loader.load(write_flow(text))
    assert [(p.code, p.line, p.column) for p in loaded.problems] == [
        ("include_not_found", 3, 3),
        ("path_outside_flow", 4, 3),
        ("include_not_found", 5, 3),
    ]


def test_a_source_may_come_from_an_include(loader, write_flow, tmp_path):
    (tmp_path / "tools").mkdir()
    text = (
        "nodes:\n- name: n\n  type: prompt\n  source: {path: tools/t.jinja2}\n"
        "additional_includes: [../tools]\n"
    )
    folder = write_flow(text)
    assert [p.code for p in loader.load(folder).problems] == ["InvalidSource"]
    (tmp_path / "tools" / "t.jinja2").write_text("Hi")
    assert loader.load(folder).ok


def test_finding_a_flow(loader, write_flow, tmp_path):
    for path in (tmp_path / "nowhere", tmp_path, write_flow() / "summarise.py"):
        with pytest.raises(NotFound) as caught:
            loader.load(path)
        assert caught.value.code == "flow_not_found"
        assert caught.value.hint
    folder = write_flow(files={"flow.dag.yml": "nodes: []\n"})
    with pytest.raises(UsageError) as ambiguous:
        loader.load(folder)
    assert ambiguous.value.code == "ambiguous_flow"
    assert loader.load(folder / "flow.dag.yml").ok


def test_the_contents_decide_about_the_kind_of_a_flow(loader, write_flow):
    folder = write_flow("entry: a:b\n", {"chat.prompty": "---\nname: x\n---\nHi"})
    assert loader.load(folder).kind == "flex"
    assert loader.load(folder).ok
    prompty = loader.load(folder / "chat.prompty")
    assert prompty.kind == "prompty"
    assert [p.code for p in prompty.problems] == ["missing_model"]


def test_a_flow_is_named_by_its_file_or_its_folder(loader, write_flow):
    assert loader.load(write_flow("nodes: []\n")).flow.name == "my_flow"
    assert loader.load(write_flow("name: Mine\nnodes: []\n")).flow.name == "Mine"


def test_a_variant_that_is_not_there_is_the_callers_mistake(loader, write_flow):
    with pytest.raises(InvalidFlowError):
        loader.load(write_flow(), variant="${summarise.x}")


def test_equal_listings_are_equal_and_ordered(write_flow):
    folder = str(write_flow(files={"b/z": "", "a": "", "b.txt": ""}))
    listing = list_folder(folder)
    assert listing == list_folder(folder)
    names = [entry.path for entry in listing.files]
    assert names == sorted(names)


def test_yaml_that_a_node_names_is_read_for_the_worker(write_flow, good):
    text = good.replace("text: ${inputs.text}", "text: sub/a.yaml")
    files = {"sub/a.yaml": "model: m\r\ntools: [1]\n", "other.yaml": "x: 1\n"}
    loaded = Loader().load(write_flow(text, files))
    assert list(loaded.flow.documents.values()) == [{"model": "m", "tools": [1]}]
    (digest,) = loaded.flow.documents
    read_by_worker = "model: m\ntools: [1]\n"  # text mode makes the line ends one
    assert digest == sha256(read_by_worker.encode()).hexdigest()


@pytest.mark.parametrize("name", ["gone.yaml", "../a.yaml", "bad.yaml"])
def test_yaml_that_cannot_be_read_is_left_to_the_node(write_flow, good, name):
    text = good.replace("text: ${inputs.text}", f"text: {name}")
    loaded = Loader().load(write_flow(text, {"bad.yaml": "a: [\n"}))
    assert loaded.ok
    assert loaded.flow.documents == {}
