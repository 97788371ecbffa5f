"""What TAB offers after the words typed so far; it never raises and asks no engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from .context import Context
from .tree import Argument, Noun, Verb


def complete(context: Context, noun: Noun, words: Sequence[str]) -> list[str]:
    """Return the words that may stand where the last of ``words`` is being typed.

    Parameters
    ----------
    words
        What follows the noun, the last word being the fragment at the cursor, maybe
        empty.
    """
    fragment = words[-1] if words else ""
    before = list(words[:-1])
    if noun.sole is not None:
        return complete_arguments(context, noun.sole, before, fragment)
    if not before:
        return _fitting(noun.verbs, fragment)
    verb = noun.verbs.get(before[0])
    if verb is None:
        return []
    return complete_arguments(context, verb, before[1:], fragment)


def complete_arguments(
    context: Context, verb: Verb, before: Sequence[str], fragment: str
) -> list[str]:
    """Return what fits after a verb's arguments."""
    if fragment.startswith("--"):
        used = {word for word in before if word.startswith("--")}
        return _fitting((o.name for o in verb.options if o.name not in used), fragment)
    argument, given = _expected(verb, before)
    found: list[str] = []
    if argument is not None:
        offers = argument.choices or _offers(context, argument, verb, given)
        found = _fitting(offers, fragment)
    if not fragment and (argument is None or not argument.is_option or argument.many):
        found += [o.name for o in verb.options if o.name not in before]
    return found


def _expected(
    verb: Verb, before: Sequence[str]
) -> tuple[Argument | None, dict[str, list[str]]]:
    """Return the argument at the cursor, and what the words before it gave."""
    given: dict[str, list[str]] = {}
    places = list(verb.places)
    option: Argument | None = None
    for word in before:
        if word.startswith("--"):
            option = verb.option(word.split("=", 1)[0])
            if option is not None and (option.flag or "=" in word):
                option = None
        elif option is not None:
            given.setdefault(option.destination, []).append(word)
            option = option if option.many else None
        elif places:
            given.setdefault(places[0].destination, []).append(word)
            if not places[0].many:
                places.pop(0)
    if option is not None:
        return option, given
    return (places[0] if places else None), given


def _offers(
    context: Context, argument: Argument, verb: Verb, given: Mapping[str, list[str]]
) -> Iterable[str]:
    source = SOURCES.get(argument.complete)
    if source is None:
        return []
    try:
        return source(context, given)
    except Exception:
        # A key press must never end in an error page, whatever is broken.
        return []


def _fitting(offers: Iterable[str], fragment: str) -> list[str]:
    return list(dict.fromkeys(o for o in offers if o.startswith(fragment)))


def _runtimes(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del given
    return context.workspace.runtimes.names()


def _environments(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del given
    return context.workspace.environments.names()


def _definitions(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    files = sorted(p.name for p in Path.cwd().glob("*environment*.y*ml"))
    built = [n for n in context.workspace.environments.names() if ":" not in n]
    return [*_folders(context, given), *files, *(n for n in built if n != "default")]


def _archives(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del context, given
    return sorted(path.name for path in Path.cwd().glob("*.tar"))


def _computes(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del given
    return context.workspace.computes.names()


def _flows(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del given
    offers = context.cells.names()
    here = Path.cwd()
    for info in context.workspace.flows.list(here):
        if info.path.is_relative_to(here):
            offers.append(info.path.relative_to(here).as_posix())
        else:
            offers.append(info.name)
    return offers


def _folders(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del context, given
    return sorted(
        path.name
        for path in Path.cwd().iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )


def _inputs(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    info = context.workspace.flows.show(context.flow(given["path"][0]))
    taken = {
        pair.partition("=")[0]
        for key in ("pairs", "inputs")
        for pair in given.get(key, [])
    }
    return [f"{i['name']}=" for i in info.inputs if i["name"] not in taken]


def _init(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    info = context.workspace.flows.show(context.flow(given["path"][0]))
    taken = {pair.partition("=")[0] for pair in given.get("init", [])}
    return [f"{item['name']}=" for item in info.init if item["name"] not in taken]


def _nodes(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    if "run" in given:
        return list(context.workspace.runs.get(given["run"][0]).nodes)
    info = context.workspace.flows.show(context.flow(given["path"][0]))
    return [str(node["name"]) for node in info.nodes]


def _variants(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    info = context.workspace.flows.show(context.flow(given["path"][0]))
    return [
        f"'${{{node}.{name}}}'" for node, ids in info.variants.items() for name in ids
    ]


def _runs(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del given
    return [str(run["run_id"]) for run in context.workspace.runs.list(limit=20)]


def _connections(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del given
    return context.workspace.connections.names()


def _connection_fields(
    context: Context, given: Mapping[str, list[str]]
) -> Iterable[str]:
    taken = {pair.partition("=")[0] for pair in given.get("set", [])}
    name = (given.get("name") or [""])[0]
    if name in context.workspace.connections.names():
        found = context.workspace.connections.show(name)
        custom = found.type == "custom"
        keys = [f"configs.{k}" if custom else k for k in found.configs]
        keys += [f"secrets.{k}" if custom else k for k in found.secrets]
    else:
        keys = list(CONNECTION_FIELDS.get((given.get("type") or [""])[0], ()))
    return [f"{key}=" for key in keys if key not in taken]


def _connection_types(
    context: Context, given: Mapping[str, list[str]]
) -> Iterable[str]:
    del context, given
    return CONNECTION_FIELDS


def _node_connections(
    context: Context, given: Mapping[str, list[str]]
) -> Iterable[str]:
    """Return ``node.key=name`` for each node, input and connection that fit."""
    info = context.workspace.flows.show(context.flow(given["path"][0]))
    names = context.workspace.connections.names()
    keys = []
    for node in info.nodes:
        if node.get("type") in ("llm", "custom_llm"):
            keys.append(f"{node['name']}.connection")
        else:
            literals = (node.get("inputs") or {}).items()
            keys += [
                f"{node['name']}.{key}"
                for key, value in literals
                if isinstance(value, str) and not value.startswith("${")
            ]
    return [f"{key}={name}" for key in keys for name in names]


def _node_inputs(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    info = context.workspace.flows.show(context.flow(given["path"][0]))
    return [
        f"{node['name']}.{key}="
        for node in info.nodes
        for key in node.get("inputs") or {}
    ]


LLM_SETTINGS = (
    *("api=chat", "api=completion", "model=", "deployment_name=", "temperature="),
    *("max_tokens=", "stream=true", "top_p=", "stop=", "seed=", "response_format="),
    *("presence_penalty=", "frequency_penalty=", "tools=", "tool_choice=", "user="),
)


def _llm_settings(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del context
    taken = {pair.partition("=")[0] for pair in given.get("set", [])}
    return [s for s in LLM_SETTINGS if s.partition("=")[0] not in taken]


def _files(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del context, given
    endings = (".yaml", ".yml")
    return sorted(p.name for p in Path.cwd().iterdir() if p.suffix in endings)


CONNECTION_FIELDS: Mapping[str, tuple[str, ...]] = {
    "azure_open_ai": ("api_base", "api_key", "api_version", "auth_mode"),
    "open_ai": ("api_key", "base_url", "organization"),
    "serverless": ("api_base", "api_key"),
    "cognitive_search": ("api_base", "api_key", "api_version", "auth_mode"),
    "serp": ("api_key",),
    "azure_content_safety": ("endpoint", "api_key", "api_version", "api_type"),
    "form_recognizer": ("endpoint", "api_key", "api_version", "api_type"),
    "azure_ai_services": ("endpoint", "api_key", "auth_mode"),
    "qdrant": ("api_base", "api_key"),
    "weaviate": ("api_base", "api_key"),
    "bing": ("api_key", "url"),
    "custom": ("configs.", "secrets."),
}
"""What TAB offers for each type; the workspace knows all about them."""


def _roles(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del given
    return [role.name for role in context.workspace.roles.definitions()]


def _own_roles(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del given
    found = context.workspace.roles.definitions()
    return [role.name for role in found if not role.builtin]


def _rights(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del given
    owner, *_ = context.workspace.roles.definitions()
    return owner.rights


def _requests(context: Context, given: Mapping[str, list[str]]) -> Iterable[str]:
    del given
    return [one.id for one in context.workspace.roles.requests()]


SOURCES: Mapping[str, Callable[[Context, Mapping[str, list[str]]], Iterable[str]]] = {
    "runtime": _runtimes,
    "environment": _environments,
    "definition": _definitions,
    "archive": _archives,
    "compute": _computes,
    "flow": _flows,
    "folder": _folders,
    "init": _init,
    "input": _inputs,
    "node": _nodes,
    "variant": _variants,
    "run": _runs,
    "connection": _connections,
    "connection-field": _connection_fields,
    "connection-type": _connection_types,
    "node-connection": _node_connections,
    "node-input": _node_inputs,
    "file": _files,
    "llm-setting": _llm_settings,
    "role": _roles,
    "own-role": _own_roles,
    "right": _rights,
    "request": _requests,
}
