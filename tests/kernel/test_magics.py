from __future__ import annotations

import _thread
import threading
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from pf_jupyter.commands.catalogue import MAGICS
from pf_jupyter.errors import FlowInvalid, RunCanceled, RunFailed, UsageError
from pf_jupyter.kernel import extension
from pf_jupyter.kernel.cell_magics import CELL_VERBS

from .conftest import Notebook, double

SHOUT = """%%pfnode shout
from promptflow.core import tool

@tool
def shout(text: str, times: int = 1) -> str:
    return text.upper() + "!" * times
"""


def plain(lines: list[str]) -> list[str]:
    """Return error lines without colours."""
    return [
        line.split("m", 2)[-1].replace("\x1b[0m", "") if "\x1b" in line else line
        for line in lines
    ]


def test_each_noun_is_a_magic_with_its_help(notebook: Notebook) -> None:
    magics = notebook.shell.magics_manager.magics
    for name, noun in MAGICS.items():
        doc = magics["line"][name].__doc__
        for verb in noun.all_verbs():
            assert verb.help in doc
    for name, verb in CELL_VERBS.items():
        assert verb.help in magics["cell"][name].__doc__


def test_question_mark_shows_help_from_the_tree(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook.shell.run_cell("%pfruntime?")
    text = capsys.readouterr().out
    assert "bring a stopped or failed runtime to ready" in text
    assert "--memory SIZE" in text


def test_unloading_takes_everything_away(shell: InteractiveShell) -> None:
    assert shell.Completer is not None
    before = {kind: set(names) for kind, names in shell.magics_manager.magics.items()}
    matchers = list(shell.Completer.custom_matchers)
    extension.load(shell, double.DoubleWorkspace)
    assert set(shell.magics_manager.magics["line"]) > before["line"]
    extension.load(shell, double.DoubleWorkspace)
    assert len(shell.Completer.custom_matchers) == len(matchers) + 1
    extension.unload(shell)
    after = {kind: set(names) for kind, names in shell.magics_manager.magics.items()}
    assert after == before
    assert shell.Completer.custom_matchers == matchers


def test_a_verb_returns_an_object_and_a_semicolon_hides_it(notebook: Notebook) -> None:
    runtime = notebook.run("%pfruntime create demo").value
    assert runtime is notebook.workspace.runtimes.get("demo")
    assert notebook.run("%pfruntime").value["demo"] is runtime
    assert notebook.run("%pfruntime list;").value is None
    assert notebook.run("rt = %pfruntime show demo").value is None
    assert notebook.shell.user_ns["rt"] is runtime


def test_what_was_created_is_in_use(notebook: Notebook) -> None:
    notebook.run("%pfruntime create one")
    notebook.run("%pfruntime create two")
    notebook.run("%pfflow run hello")
    assert notebook.run("%pfrun").value[0]["runtime"] == "two"
    notebook.run("%pfruntime use one")
    notebook.run("%pfflow run hello")
    assert notebook.run("%pfrun").value[0]["runtime"] == "one"


def test_json_gives_the_same_document_as_the_shell(notebook: Notebook) -> None:
    document = notebook.run("%pfruntime create demo --json").value
    assert document["name"] == "demo"
    assert notebook.run("%pfflow run hello --json").value["status"] == "Completed"


def test_a_typo_shows_two_lines_and_fails_the_cell(notebook: Notebook) -> None:
    cell = notebook.run("%pfruntime creat demo")
    assert isinstance(cell.error, UsageError)
    assert plain(cell.shown) == [
        "unknown_verb: %pfruntime has no verb 'creat'",
        "hint: did you mean 'create'?   %pfruntime? lists them all",
    ]


def test_debug_shows_the_traceback(notebook: Notebook) -> None:
    cell = notebook.run("%pfruntime show nothing --debug")
    assert any("Traceback" in line or "double.py" in line for line in cell.shown)
    assert notebook.run("%pfruntime show nothing").shown[0].count("\n") == 0


def test_a_defect_of_ours_is_said_in_two_lines(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook.workspace.runtimes, "list", lambda: 1 / 0)
    cell = notebook.run("%pfruntime list")
    shown = plain(cell.shown)
    assert shown[0].startswith("internal: ZeroDivisionError")
    assert "--debug" in shown[1]


def test_problems_of_a_flow_are_all_shown(notebook: Notebook) -> None:
    cell = notebook.run("%pfflow run wrong")
    assert isinstance(cell.error, FlowInvalid)
    shown = "\n".join(plain(cell.shown))
    assert "flow.dag.yaml:14:13" in shown
    assert "nothing was run" in shown


def test_an_error_in_user_code_shows_its_line_alone(notebook: Notebook) -> None:
    cell = notebook.run("%pfflow run broken")
    assert isinstance(cell.error, RunFailed)
    assert plain(cell.shown) == ["✗ fetch   ValueError: no such page   (fetch.py:3)"]


def test_a_hidden_failure_is_a_failure(notebook: Notebook) -> None:
    assert isinstance(notebook.run("%pfflow run broken;").error, RunFailed)


def test_the_place_of_an_error_in_a_cell_is_the_cells(notebook: Notebook) -> None:
    notebook.run("%%pfnode fetch\nx = 1\n")
    cell = notebook.run("%pfflow run broken")
    assert plain(cell.shown) == ["✗ fetch   ValueError: no such page   (fetch.py:3)"]
    notebook.run("%%pfnode broken\nx = 1\n")
    cell = notebook.run("%pfflow run broken")
    assert plain(cell.shown) == ["✗ fetch   ValueError: no such page   (cell fetch:4)"]


def bundle(notebook: Notebook, value: Any) -> Any:
    formatter = notebook.shell.display_formatter
    assert formatter is not None
    return formatter.format(value)[0]


def test_a_result_is_brief_below_its_picture_and_a_page_later(
    notebook: Notebook,
) -> None:
    notebook.run("%pfflow run hello")
    assert notebook.shown[-2:] == [
        "HELLO!",
        "✓ Completed in 12 ms · session · default:1 @ 3f9c0d1e2b4a · run run-1",
    ]
    result = notebook.run("_").value
    assert notebook.shown[-1].endswith(repr(result))
    assert bundle(notebook, result)["text/plain"] == repr(result)
    extension.unload(notebook.shell)
    assert bundle(notebook, result)["text/plain"] == repr(result)


def test_variables_are_inputs_with_their_type(notebook: Notebook) -> None:
    notebook.run("pages = ['a b', 'c']")
    notebook.run("%pfflow run hello text=$pages times=2")
    [(_, inputs, _)] = notebook.workspace.ran
    assert inputs == {"text": ["a b", "c"], "times": "2"}


def test_references_are_not_expanded(notebook: Notebook) -> None:
    notebook.run("greet = 1")
    notebook.run("%pfflow run hello --variant '${greet.loud}'")
    assert notebook.workspace.ran[0][2]["variant"] == "${greet.loud}"


def test_the_stop_button_cancels_and_the_next_cell_works(notebook: Notebook) -> None:
    def stop() -> None:
        double.wait_until(lambda: "run-1" in notebook.workspace.canceled)
        _thread.interrupt_main()

    thread = threading.Thread(target=stop)
    thread.start()
    cell = notebook.run("%pfflow run slow")
    thread.join()
    assert isinstance(cell.error, RunCanceled)
    assert plain(cell.shown)[0].startswith("canceled: ")
    assert notebook.workspace.canceled["run-1"].is_set()
    assert notebook.run("%pfflow run hello").value.status == "Completed"


def test_magics_work_inside_a_running_loop(notebook: Notebook) -> None:
    notebook.run(
        "import asyncio\n"
        "async def work():\n"
        "    await asyncio.sleep(0)\n"
        "    return get_ipython().run_line_magic('pfflow', 'run hello')\n"
        "found = asyncio.run(work())"
    )
    assert notebook.shell.user_ns["found"].status == "Completed"


def test_a_node_cell_is_checked_and_runs(notebook: Notebook) -> None:
    checked = notebook.run(SHOUT).value
    assert repr(checked) == (
        "shout(text: string, times: int = 1) → string        checked in session ✓ 18 ms"
    )
    assert "checked in session" in checked._repr_mimebundle_()["text/html"]
    result = notebook.run("%pfflow run shout text=hello").value
    assert result.status == "Completed"
    assert notebook.workspace.ran[-1][1] == {"text": "hello"}


def test_a_node_that_fails_its_check_stays(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(flow: Any, **options: Any) -> Any:
        del flow, options
        problem = double.Problem("PythonLoadError", "it broke", "shout.py", 4, 1)
        return double.Validation([problem], {}, 1.0)

    monkeypatch.setattr(notebook.workspace.flows, "validate", wrong)
    cell = notebook.run(SHOUT)
    assert isinstance(cell.error, FlowInvalid)
    assert plain(cell.shown)[0] == "shout has 1 problem"
    assert cell.shown[1].split()[:2] == ["cell:5:1", "PythonLoadError:"]
    assert "shout" in notebook.session.cells.names()


def test_a_flow_cell_runs_with_nodes_of_other_cells(notebook: Notebook) -> None:
    notebook.run(SHOUT)
    cell = notebook.run(
        "%%pfflow loud --inputs text=hi --out kept\n"
        "inputs:\n  text: {type: string}\n"
        "outputs:\n  greeting: {type: string, reference: '${s.output}'}\n"
        "nodes:\n"
        "- name: s\n  type: python\n  source: {type: code, path: shout.py}\n"
        "  inputs: {text: '${inputs.text}'}\n"
    )
    assert cell.error is None
    assert notebook.shell.user_ns["kept"] is cell.value
    folder = notebook.workspace.ran[-1][0]
    assert folder.endswith("loud")
    assert "{text: '${inputs.text}'}" in notebook.session.cells._flows["loud"]


def test_a_flow_cell_can_be_saved_in_one_go(
    notebook: Notebook, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    notebook.run(SHOUT)
    body = "nodes:\n- {name: s, type: python, source: {type: code, path: shout.py}}\n"
    cell = notebook.run(f"%%pfflow loud --save\n{body}")
    assert cell.error is None
    assert (tmp_path / "loud" / "flow.dag.yaml").read_text() == body
    assert (tmp_path / "loud" / "shout.py").is_file()


def test_a_flow_that_is_wrong_is_kept_too(notebook: Notebook) -> None:
    notebook.run("%%pfflow wrong\nnodes: 1\n")
    assert notebook.session.cells.names() == ["wrong"]


def test_cells_are_saved_as_a_folder(notebook: Notebook, tmp_path: Any) -> None:
    notebook.run(SHOUT)
    cell = notebook.run(f"%pfflow save shout --to {tmp_path / 'saved'}")
    assert cell.error is None
    assert (tmp_path / "saved" / "shout.py").read_text().startswith("from promptflow")
    text = (tmp_path / "saved" / "flow.dag.yaml").read_text()
    assert "text: ${inputs.text}" in text
    again = notebook.run(f"%pfflow save shout --to {tmp_path / 'saved'}")
    assert again.error is None
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").touch()
    refused = notebook.run(f"%pfflow save shout --to {tmp_path / 'mine'}")
    assert plain(refused.shown)[0].startswith("already_exists: ")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("%%pfnode 1st", "bad_name"),
        ("%%pfnode", "missing_argument"),
        ("%%pfnode a --type pythn", "unknown_value"),
        ("%%pfnode a --inptu x=1", "unknown_option"),
        ("%%pfflow a --out 1x", "bad_value"),
        ("%%pfnode a --input x", "bad_value"),
    ],
)
def test_wrong_first_lines_are_one_error(
    notebook: Notebook, line: str, code: str
) -> None:
    cell = notebook.run(f"{line}\nx = 1\n")
    assert isinstance(cell.error, UsageError)
    assert cell.error.code == code
    assert len(cell.shown) == 2


def test_tab_offers_what_fits(notebook: Notebook) -> None:
    notebook.run("%pfruntime create demo")
    notebook.run(SHOUT)
    expected = {
        "%pfruntime ": "%pfruntime create",
        "%pfruntime cr": "%pfruntime create",
        "x = %pfruntime sh": "x = %pfruntime show",
        "%pfruntime use ": "%pfruntime use demo",
        "%pfruntime create a --ki": "%pfruntime create a --kind",
        "%pfruntime create a --kind ": "%pfruntime create a --kind personal",
        "%pfflow run sh": "%pfflow run shout",
        "%pfflow run hello te": "%pfflow run hello text=",
        "%pfflow run hello --node ": "%pfflow run hello --node greet",
        "%%pfnode a --ty": "%%pfnode a --type",
        "%%pfflow a --runtime ": "%%pfflow a --runtime demo",
        "y = 1\n%pfrun sh": "y = 1\n%pfrun show",
    }
    found = {text: notebook.complete(text) for text in expected}
    assert {text: found[text][:1] for text in expected} == {
        text: [first] for text, first in expected.items()
    }


def test_tab_leaves_the_body_of_a_cell_alone(notebook: Notebook) -> None:
    assert "%%pfnode a\n%pfruntime create" not in notebook.complete(
        "%%pfnode a\n%pfruntime cr"
    )


def test_tab_survives_a_broken_workspace(notebook: Notebook) -> None:
    notebook.workspace.runtimes = None
    assert notebook.complete("%pfruntime use d") is not None
