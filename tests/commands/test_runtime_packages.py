"""The verbs about what is installed: which word is the runtime, and what is shown."""

from __future__ import annotations

import pytest

from pf_jupyter.commands.catalogue import NOUNS
from pf_jupyter.commands.context import Context
from pf_jupyter.commands.parsing import parse, split_line
from pf_jupyter.commands.tree import Outcome
from pf_jupyter.errors import NotFound, RuntimeFailed, UsageError
from pf_jupyter.workspace.api import Package

from .double import DoubleRuntime, DoubleWorkspace


def do(context: Context, line: str) -> Outcome:
    request = parse(context, NOUNS["runtime"], split_line(line))
    assert request.verb is not None
    return request.verb.run(context, request.arguments)


@pytest.fixture
def runtime(workspace: DoubleWorkspace) -> DoubleRuntime:
    made = workspace.runtimes.create("demo")
    workspace.runtimes.use("demo")
    assert isinstance(made, DoubleRuntime)
    return made


@pytest.mark.parametrize(
    ("line", "packages", "file"),
    [
        ("install cowsay", ("cowsay",), None),
        ("install demo cowsay 'numpy>=1'", ("cowsay", "numpy>=1"), None),
        ("install demo --requirements r.txt", (), "r.txt"),
        ("install --requirements r.txt", (), "r.txt"),
        ("install ./a-1.0-py3-none-any.whl", ("./a-1.0-py3-none-any.whl",), None),
    ],
)
def test_the_runtime_is_named_first_or_is_the_one_in_use(
    notebook: Context,
    runtime: DoubleRuntime,
    line: str,
    packages: tuple[str, ...],
    file: str | None,
) -> None:
    do(notebook, line)
    (asked,) = runtime.asked
    assert asked[0] == packages
    assert asked[1]["requirements"] == file


def test_the_shell_names_the_runtime_before_several_packages(
    shell: Context, runtime: DoubleRuntime
) -> None:
    do(shell, "install demo cowsay")
    assert runtime.asked[0][0] == ("cowsay",)
    with pytest.raises(NotFound):
        do(shell, "install elsewhere cowsay")
    do(shell, "install numpy")
    assert runtime.asked[1][0] == ("numpy",)
    with pytest.raises(UsageError) as caught:
        do(shell, "install demo")
    assert caught.value.code == "nothing_to_install"


def test_a_misspelt_runtime_is_no_package(
    notebook: Context, runtime: DoubleRuntime
) -> None:
    with pytest.raises(NotFound) as caught:
        do(notebook, "install dmeo cowsay")
    assert "'demo'" in caught.value.hint
    assert not hasattr(runtime, "asked")


def test_what_was_done_is_one_line(notebook: Context, runtime: DoubleRuntime) -> None:
    done = do(notebook, "install cowsay")
    assert repr(done.value).splitlines() == [
        "resolved 2, installed 1 in 0.7 s · imported ✓ · demo is default:1 + 1 layer "
        "(ad hoc)",
        "jinja2 3.1.4 is there already",
        "cowsay 0.9 → 1.0, over the one below",
    ]
    assert done.document["installed"] == [
        {"name": "cowsay", "version": "1.0", "before": "0.9"}
    ]
    assert done.document["imported"] == {"cowsay": ["cowsay"]}
    assert done.document["duration_ms"] == 700


def test_what_cannot_be_installed_is_told(
    notebook: Context, runtime: DoubleRuntime
) -> None:
    with pytest.raises(RuntimeFailed) as caught:
        do(notebook, "install nonesuch")
    assert caught.value.code == "package_unknown"


def test_a_reset_says_what_it_took_off(
    notebook: Context, runtime: DoubleRuntime
) -> None:
    do(notebook, "install cowsay")
    done = do(notebook, "reset demo")
    assert done.document["dropped"] == 1
    assert repr(done.value).startswith("1 layer taken off; demo is default:1")
    assert repr(do(notebook, "reset").value).startswith("nothing to take off")


def test_packages_are_listed_with_their_source(
    shell: Context, runtime: DoubleRuntime
) -> None:
    done = do(shell, "packages demo")
    assert done.document["packages"][1] == {
        "name": "cowsay",
        "version": "6.1",
        "source": "ad hoc",
    }
    assert "jinja2   3.1.4     base" in done.value.text()
    only = do(shell, "packages demo --source 'ad hoc'")
    assert [item["name"] for item in only.document["packages"]] == ["cowsay"]


def test_what_is_there_by_hand_is_better_baked_in(
    shell: Context, runtime: DoubleRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = (
        "better baked in: cowsay (jupyter pf runtime capture demo does that, or name "
        "them in an environment's requirements); ad hoc is for quick tests"
    )
    monkeypatch.setattr(runtime, "to_dict", lambda: {"isolated": True})
    done = do(shell, "packages demo")
    assert done.value.text().splitlines()[-1] == line
    assert "better baked in: cowsay" in done.value.html()
    assert done.document["advice"] == {"packages": ["cowsay"], "message": line}
    by_hand = [Package(f"p{n}", "1", "ad hoc") for n in range(7)]
    monkeypatch.setattr(runtime, "packages", lambda: by_hand)
    assert "p3, p4 and 2 more (" in do(shell, "packages demo").value.text()
    monkeypatch.setattr(runtime, "to_dict", lambda: {"isolated": False})
    assert "capture" not in do(shell, "packages demo").value.text()
    base = [Package("jinja2", "3.1.4", "base")]
    monkeypatch.setattr(runtime, "packages", lambda: base)
    done = do(shell, "packages demo")
    assert done.document["advice"] is None
    assert "baked" not in done.value.text() + done.value.html()


def test_a_capture_tells_what_was_taken_and_how_it_was_proved(
    notebook: Context, runtime: DoubleRuntime
) -> None:
    done = do(notebook, "capture demo --as mine --index-url http://index.example/")
    name, options = runtime.asked[-1]
    assert name == ("mine",)
    assert (options["publish"], options["index_url"]) == (True, "http://index.example/")
    assert repr(done.value).splitlines() == [
        "demo → mine:3 @ abababababab · definition in captured · 7.1 s",
        "  + pip    cowsay   6.1",
        "  ~ dpkg   tree     2.0-1 → 2.1-1",
        "  - dpkg   nano     7.2-1",
        "  rebuilt and compared: 41 of pip and 98 of dpkg packages, names and versions "
        "equal ✓",
        "  not taken (1):",
        "    /etc/motd   a file of base-files, edited by hand",
        "  %pfruntime create NAME --env mine:3 makes a runtime of it",
    ]
    assert done.document["equal"] is True
    assert done.document["taken"][0]["name"] == "cowsay"


def test_a_capture_that_is_not_published_tells_how_to(
    shell: Context, runtime: DoubleRuntime
) -> None:
    done = do(shell, "capture --no-publish")
    assert runtime.asked[-1][0] == ("demo-env",)
    lines = repr(done.value).splitlines()
    assert "  ✗ pip own: 1.0 → missing   a link to sources" in lines
    assert lines[-1] == "  jupyter pf env publish captured gives it a number for good"
