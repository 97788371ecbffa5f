from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pf_jupyter.commands.catalogue import NOUNS
from pf_jupyter.commands.context import Context
from pf_jupyter.commands.parsing import parse, split_line
from pf_jupyter.errors import UsageError


def arguments(context: Context, line: str) -> Any:
    noun, *words = split_line(line)
    return parse(context, NOUNS[noun], words).arguments


@pytest.mark.parametrize(
    "line",
    [
        "flow run hello a=1 b=2 --runtime demo",
        "flow run hello --inputs a=1 b=2 --runtime demo",
        "flow run --runtime demo hello a=1 b=2",
        "flow run hello a=1 --runtime=demo b=2",
        "flow run hello --runtime demo a=1 --inputs b=2",
        "flow run hello --inputs a=1 --inputs b=2 --runtime demo",
    ],
)
def test_inputs_and_options_come_in_any_order(shell: Context, line: str) -> None:
    given = arguments(shell, line)
    assert given.path == "hello"
    assert [*given.pairs, *given.inputs] == ["a=1", "b=2"]
    assert given.runtime == "demo"


def test_words_keep_their_quotes_contents() -> None:
    assert split_line("run x text='a b' more=\"it's\" j='{\"k\": 1}' # no") == [
        "run",
        "x",
        "text=a b",
        "more=it's",
        'j={"k": 1}',
        "#",
        "no",
    ]


@pytest.mark.parametrize(
    ("line", "code", "part"),
    [
        ("runtime create", "missing_argument", "needs NAME"),
        ("runtime create a b", "unexpected_argument", "'b'"),
        ("runtime create a --kind persnal", "unknown_value", "'persnal'"),
        ("runtime create a --cpus many", "bad_value", "--cpus"),
        ("runtime create a --cpus 0", "bad_value", "more than 0"),
        ("runtime create a --cpus nan", "bad_value", "more than 0"),
        ("runtime create a --memory lots", "bad_value", "512m or 4g"),
        ("runtime create a --cpus", "missing_value", "--cpus needs a value"),
        ("runtime logs a --tail x", "bad_value", "--tail"),
        ("flow run", "missing_argument", "needs FLOW"),
        ("flow init x --type chatt", "unknown_value", "'chatt'"),
        ("flow run x --timeout -1", "bad_value", "--timeout"),
        ("run cancel", "missing_argument", "needs RUN"),
    ],
)
def test_wrong_use_is_one_error(
    shell: Context, line: str, code: str, part: str
) -> None:
    with pytest.raises(UsageError) as caught:
        arguments(shell, line)
    assert caught.value.code == code
    assert part in caught.value.message
    assert caught.value.exit_code == 2


def test_a_wrong_choice_names_the_nearest_and_all(shell: Context) -> None:
    with pytest.raises(UsageError) as caught:
        arguments(shell, "flow init x --type chatt")
    assert caught.value.hint == (
        "did you mean 'chat'?   it is standard, chat or evaluation"
    )


def test_an_open_quote_is_said(shell: Context) -> None:
    with pytest.raises(UsageError) as caught:
        arguments(shell, "flow run hello text='it")
    assert caught.value.code == "bad_quotes"


def test_limits_become_numbers(shell: Context) -> None:
    given = arguments(shell, "runtime create a --cpus 1.5 --memory 512m --pids 9")
    assert (given.cpus, given.memory, given.pids) == (1.5, 512 * 1024**2, 9)
    assert arguments(shell, "runtime create a --memory 1.5GB").memory == 1610612736


def test_a_variable_stands_for_its_name_or_id(notebook: Context) -> None:
    notebook.variables = {
        "rt": SimpleNamespace(name="demo"),
        "run": SimpleNamespace(run_id="run-7", name="other"),
        "word": "hello",
    }
    assert arguments(notebook, "runtime show $rt").name == "demo"
    assert arguments(notebook, "run show $run").run == "run-7"
    assert arguments(notebook, "flow show {word}").path == "hello"
    given = arguments(notebook, "flow run $unknown --variant '${node.loud}'")
    assert (given.path, given.variant) == ("$unknown", "${node.loud}")


def test_help_is_asked_for_at_both_levels(shell: Context) -> None:
    assert parse(shell, NOUNS["runtime"], ["--help"]).verb is None
    request = parse(shell, NOUNS["runtime"], ["create", "--bad", "-h"])
    assert request.help
    assert request.verb is NOUNS["runtime"].verbs["create"]


def test_a_variable_with_a_path_stands_for_all_of_it(
    notebook: Context, tmp_path: Path
) -> None:
    notebook.variables = {"kept": tmp_path / "kept"}
    given = arguments(notebook, "runtime capture demo --to $kept")
    assert given.to == str(tmp_path / "kept")
