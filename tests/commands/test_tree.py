"""The tree as a whole: what holds for every noun and verb."""

from __future__ import annotations

import io
import json

import pytest

from pf_jupyter.commands.catalogue import MAGICS, NOUNS
from pf_jupyter.commands.completion import SOURCES, complete
from pf_jupyter.commands.context import Context
from pf_jupyter.commands.helptext import help_of_all, help_of_noun, help_of_verb
from pf_jupyter.commands.parsing import parse
from pf_jupyter.commands.tree import Noun, Verb
from pf_jupyter.errors import PfError, UsageError

from .double import DoubleWorkspace

VERBS = [
    pytest.param(noun, verb, id=f"{noun.name}-{verb.name}")
    for noun in NOUNS.values()
    for verb in noun.all_verbs()
]
EXPECTED = {
    "demo": [],
    "doctor": [],
    "compute": "list add show ps sizes check auth remove",
    "env": "init build publish list show packages diff check describe withdraw "
    "archive restore import export",
    "connection": "list show create update delete",
    "role": "assign revoke list check roles show create update delete ask requests "
    "grant refuse audit",
    "runtime": "create adopt list show use start stop restart check update "
    "rollback logs install packages "
    "reset capture stats delete instead",
    "flow": "init list show validate run node chat variants save",
    "run": "list show logs create outputs details metrics stream resume compare "
    "archive restore delete export enter prune cancel",
    "eval": [],
}
LINES = {
    ("env", "init"): "mine --to {tmp}/mine",
    ("env", "build"): "my-env",
    ("env", "publish"): "my-env --tags team=a",
    ("env", "list"): "",
    ("env", "diff"): "my-env:1 my-env:2",
    ("env", "describe"): "my-env --description text",
    ("env", "withdraw"): "my-env:1 --reason slow",
    ("env", "import"): "{tmp}/my-env.tar",
    ("env", "export"): "my-env --to {tmp}/my-env.tar",
    **{("env", verb): "my-env" for verb in ["show", "packages", "check"]},
    **{("env", verb): "my-env" for verb in ["archive", "restore"]},
    ("runtime", "create"): "new",
    ("runtime", "install"): "demo cowsay",
    ("runtime", "adopt"): "theirs --name mine",
    ("runtime", "capture"): "demo --as mine",
    ("flow", "init"): "{tmp}/started",
    ("flow", "list"): "",
    ("flow", "chat"): "hello how are you",
    ("flow", "node"): "hello greet text=x",
    ("flow", "save"): "{tmp}/mine --to {tmp}/copy",
    ("run", "show"): "run-1",
    ("run", "create"): "--flow hello --data rows.jsonl --runtime demo",
    **{("run", verb): "batch-1" for verb in ["outputs", "details", "metrics"]},
    **{("run", verb): "batch-1" for verb in ["stream", "resume", "archive"]},
    **{("run", verb): "batch-1" for verb in ["restore", "delete", "export"]},
    ("run", "compare"): "batch-1 batch-1",
    ("run", "prune"): "--older-than 90 --yes",
    ("run", "enter"): "batch-1 --row 1",
    ("eval", "eval"): "--run batch-1 --flow accuracy",
    ("run", "logs"): "run-1",
    ("run", "cancel"): "run-1",
    ("runtime", "list"): "",
    ("run", "list"): "",
    ("compute", "list"): "",
    ("compute", "add"): "far tcp://far:2376",
    **{("compute", verb): "local" for verb in ["show", "ps", "sizes", "check", "auth"]},
    ("compute", "remove"): "added --yes",
    ("connection", "list"): "",
    ("role", "assign"): "ana reader",
    ("role", "revoke"): "ana reader",
    ("role", "list"): "",
    ("role", "check"): "ana runtime.create",
    ("role", "roles"): "",
    ("role", "show"): "runner",
    ("role", "create"): "tester --allow runtime.use run.* --except run.delete",
    ("role", "update"): "runner --reach own",
    ("role", "delete"): "runner",
    ("role", "ask"): "reader --on runtime:demo --reason please",
    ("role", "requests"): "",
    ("role", "grant"): "r1 --until 18:00",
    ("role", "refuse"): "r1",
    ("role", "audit"): "--refused",
    ("connection", "show"): "mine",
    ("connection", "create"): "--type serp --name new --set api_key=@@k",
    ("connection", "update"): "mine --scope workspace",
    ("connection", "delete"): "mine",
}


def words_of(noun: Noun, verb: Verb, tmp_path: object) -> list[str]:
    name = "hello" if noun.name == "flow" else "demo"
    if noun.sole is not None:
        return LINES.get((noun.name, verb.name), "").split()
    line = LINES.get((noun.name, verb.name), name).format(tmp=tmp_path)
    return [verb.name, *line.split()]


def test_the_nouns_and_verbs_are_those_of_the_interface() -> None:
    found = {name: " ".join(noun.verbs) for name, noun in NOUNS.items()}
    wanted = {
        name: verbs if isinstance(verbs, str) else " ".join(verbs)
        for name, verbs in EXPECTED.items()
    }
    assert found == wanted
    assert set(MAGICS) == {f"pf{name}" for name in EXPECTED}


@pytest.mark.parametrize(("noun", "verb"), VERBS)
def test_every_verb_has_help_with_each_of_its_arguments(noun: Noun, verb: Verb) -> None:
    assert verb.help
    for face in ("shell", "notebook"):
        text = help_of_verb(noun, verb, face)
        assert verb.help in text
        assert "--json" in text
        for argument in verb.arguments:
            assert argument.help
            assert argument.help in text
            assert argument.name in text or argument.shown in text


@pytest.mark.parametrize("noun", NOUNS.values(), ids=lambda noun: noun.name)
def test_help_of_a_noun_lists_its_verbs(noun: Noun) -> None:
    for face in ("shell", "notebook"):
        text = help_of_noun(noun, face)
        for verb in noun.all_verbs():
            assert verb.help in text
    assert noun.help in help_of_all(NOUNS.values())


@pytest.mark.parametrize(("noun", "verb"), VERBS)
def test_every_verb_works_and_gives_one_json_document(
    noun: Noun,
    verb: Verb,
    notebook: Context,
    workspace: DoubleWorkspace,
    tmp_path: object,
) -> None:
    runtime = workspace.runtimes.create("demo")
    runtime.run("hello")
    (workspace.flows.known)["mine"] = workspace.flows.known["hello"]
    path = tmp_path / "mine"  # type: ignore[operator]
    path.mkdir()
    (path / "flow.dag.yaml").write_text("nodes: []")
    object.__setattr__(workspace.flows.known["hello"], "path", path)
    request = parse(notebook, noun, words_of(noun, verb, tmp_path))
    assert request.verb is verb
    outcome = verb.run(notebook, request.arguments)
    assert outcome.failure is None
    document = outcome.value if outcome.document is None else outcome.document
    assert isinstance(json.loads(json.dumps(document)), dict)
    assert repr(outcome.value)


@pytest.mark.parametrize(("noun", "verb"), VERBS)
def test_every_verb_completes_itself_and_each_option(
    noun: Noun, verb: Verb, notebook: Context
) -> None:
    before = [] if noun.sole is verb else [verb.name]
    if before:
        assert verb.name in complete(notebook, noun, [verb.name[:2]])
        assert verb.name in complete(notebook, noun, [""])
    for option in verb.options:
        assert option.name in complete(notebook, noun, [*before, option.name[:-1]])
        if option.choices:
            words = [*before, option.name, ""]
            assert set(option.choices) <= set(complete(notebook, noun, words))


@pytest.mark.parametrize(("noun", "verb"), VERBS)
def test_what_an_argument_completes_to_is_known(noun: Noun, verb: Verb) -> None:
    for argument in verb.arguments:
        assert argument.complete in ("", *SOURCES), (noun.name, verb.name)


@pytest.mark.parametrize(("noun", "verb"), VERBS)
def test_a_typo_in_a_verb_names_the_right_one(
    noun: Noun, verb: Verb, shell: Context
) -> None:
    if noun.sole is verb:
        return
    typo = verb.name[:-1] + "x" + verb.name[-1:]
    with pytest.raises(UsageError) as caught:
        parse(shell, noun, [typo])
    error = caught.value
    assert error.code == "unknown_verb"
    assert error.message == f"jupyter pf {noun.name} has no verb '{typo}'"
    assert f"did you mean '{verb.name}'?" in error.hint
    assert f"jupyter pf {noun.name} --help" in error.hint


@pytest.mark.parametrize(("noun", "verb"), VERBS)
def test_a_typo_in_an_option_names_the_right_one(
    noun: Noun, verb: Verb, notebook: Context
) -> None:
    for option in verb.options:
        typo = f"{option.name}x"
        words = [typo] if noun.sole is verb else [verb.name, typo]
        with pytest.raises(UsageError) as caught:
            parse(notebook, noun, words)
        assert caught.value.code == "unknown_option"
        assert f"did you mean '{option.name}'?" in caught.value.hint


@pytest.mark.parametrize(("noun", "verb"), VERBS)
def test_a_failure_has_a_json_form_too(noun: Noun, verb: Verb) -> None:
    del noun
    document = verb.failed(PfError("it broke", code="broken", hint="mend it"))
    assert document["error"]["code"] == "broken"
    assert document["error"]["message"] == "it broke"
    assert document["error"]["hint"] == "mend it"
    assert json.loads(json.dumps(document)) == document


def test_without_a_verb_nouns_list(notebook: Context, told: io.StringIO) -> None:
    for noun in NOUNS.values():
        request = parse(notebook, noun, [])
        assert request.verb is (noun.sole or noun.verbs["list"])
    assert told.getvalue() == ""
