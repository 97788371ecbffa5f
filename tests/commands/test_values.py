from __future__ import annotations

import io
from pathlib import Path

import pytest

from pf_jupyter.commands import wording
from pf_jupyter.commands.context import Context
from pf_jupyter.commands.values import memory, read_inputs_file, read_pairs
from pf_jupyter.errors import UsageError


def test_values_stay_text(shell: Context) -> None:
    pairs = ["a=1", "b=x=y", "c=", "d= "]
    assert read_pairs(shell, pairs, "input") == {
        "a": "1",
        "b": "x=y",
        "c": "",
        "d": " ",
    }


def test_at_reads_a_file(shell: Context, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("zwölf\n", encoding="utf-8")
    given = read_pairs(shell, [f"a=@{path}", "b=@@ann"], "input")
    assert given == {"a": "zwölf\n", "b": "@ann"}


def test_a_file_that_is_not_there_is_wrong_use(shell: Context, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_pairs(shell, [f"a=@{tmp_path / 'no.txt'}"], "input")
    assert "no.txt" in caught.value.message
    assert "@@" in caught.value.hint


def test_a_variable_keeps_its_type(notebook: Context) -> None:
    rows = [1, 2]
    notebook.variables = {"rows": rows}
    given = read_pairs(notebook, ["a=$rows", "b={rows}", "c=$no", "d=x$rows"], "input")
    assert given == {"a": rows, "b": rows, "c": "$no", "d": "x$rows"}
    assert given["a"] is rows


@pytest.mark.parametrize("pairs", [["plain"], ["=x"], ["a=1", "a=2"]])
def test_bad_pairs_are_wrong_use(shell: Context, pairs: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        read_pairs(shell, pairs, "input")
    assert caught.value.code == "bad_value"


def test_inputs_come_from_a_file_or_from_stdin(shell: Context, tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_text('{"a": [1]}')
    assert read_inputs_file(shell, str(path)) == {"a": [1]}
    shell.stdin = io.StringIO('{"b": null}')
    assert read_inputs_file(shell, "-") == {"b": None}
    assert read_inputs_file(shell, None) == {}


@pytest.mark.parametrize("text", ["[1]", "{", "3"])
def test_inputs_must_be_an_object(shell: Context, text: str) -> None:
    shell.stdin = io.StringIO(text)
    with pytest.raises(UsageError):
        read_inputs_file(shell, "-")


@pytest.mark.parametrize(
    ("text", "size"),
    [("4g", 4 * 1024**3), ("512MiB", 512 * 1024**2), ("7340032", 7 * 1024**2)],
)
def test_sizes(text: str, size: int) -> None:
    assert memory(text) == size


def test_a_size_with_its_unit_forgotten_is_refused() -> None:
    with pytest.raises(ValueError, match="6 bytes are too few: write 512m or 4g"):
        memory("6")


def test_figures_read_well() -> None:
    assert wording.milliseconds(0.31) == "0.3 ms"
    assert wording.milliseconds(18.2) == "18 ms"
    assert wording.milliseconds(2400) == "2.4 s"
    assert wording.seconds(65) == "1 min 05 s"
    assert wording.seconds(3700) == "1 h 01 min"
    assert wording.size(4 * 1024**3) == "4 GB"
    assert wording.size(1536) == "1.5 kB"
    assert wording.plural(1, "problem") == "1 problem"
    assert wording.plural(2, "problem") == "2 problems"


def test_columns_are_aligned() -> None:
    rows = [["name", "state"], ["a", "ready"], ["longer", "x"]]
    assert wording.columns(rows) == ["name     state", "a        ready", "longer   x"]


def test_marks_have_an_ascii_form() -> None:
    assert wording.to_ascii("✓ a → b … ✗").isascii()
    for mark in wording.MARKS.values():
        assert wording.to_ascii(mark).isascii()


def test_hints_are_written_as_the_face_does(shell: Context, notebook: Context) -> None:
    hint = "%pfruntime start demo brings it back; %pfruntime? lists all; %%pfnode x"
    assert notebook.respell(hint) == hint
    assert shell.respell(hint) == (
        "jupyter pf runtime start demo brings it back; "
        "jupyter pf runtime --help lists all; %%pfnode x"
    )
