"""Package tools: those of installed distributions, and the built-in ones.

Distributions announce tools through the entry-point group ``package_tools``; only what
a flow mentions is imported. Rules: flow-format sections 2.7 and 2.8.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import sys
import time
from importlib import metadata
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from pf_jupyter.flow.model import Node
from pf_jupyter.flow.values import VALUE_TYPES
from pf_jupyter.worker.execution.failures import (
    FlowFailure,
    hint_for,
    load_failed,
    text_of,
    way_to_add,
)
from pf_jupyter.worker.execution.interface import (
    Interface,
    Parameter,
    is_provider,
    read_interface,
)
from pf_jupyter.worker.execution.loading import Tool, source_path
from pf_jupyter.worker.execution.prompts import (
    import_jinja2,
    inputs_from_outside,
    template_variables,
)

GROUP = "package_tools"
HIDDEN_INPUT = "_inputs_to_escape"

_BUILT_IN = {
    "promptflow.tools.aoai.chat": "python",
    "promptflow.tools.aoai.completion": "python",
    "promptflow.tools.aoai.AzureOpenAI.chat": "custom_llm",
    "promptflow.tools.aoai.AzureOpenAI.completion": "custom_llm",
    "promptflow.tools.aoai_gpt4v.AzureOpenAI.chat": "custom_llm",
    "promptflow.tools.azure_content_safety.analyze_text": "python",
    "promptflow.tools.embedding.embedding": "python",
    "promptflow.tools.llm.llm": "custom_llm",
    "promptflow.tools.llm_vision.llm_vision": "custom_llm",
    "promptflow.tools.open_model_llm.OpenModelLLM.call": "custom_llm",
    "promptflow.tools.openai.chat": "python",
    "promptflow.tools.openai.completion": "python",
    "promptflow.tools.openai.OpenAI.chat": "custom_llm",
    "promptflow.tools.openai.OpenAI.completion": "custom_llm",
    "promptflow.tools.openai_gpt4v.OpenAI.chat": "custom_llm",
    "promptflow.tools.serpapi.SerpAPI.search": "python",
    "promptflow.tools.serpapi.search": "python",
    "promptflow.tools.template_rendering.render_template_jinja2": "python",
    "promptflow_vectordb.tool.faiss_index_lookup.FaissIndexLookup.search": "python",
}
_RENAMED = {
    "content_safety_text.tools.content_safety_text_tool.analyze_text": (
        "promptflow.tools.azure_content_safety.analyze_text"
    ),
    "embeddingstore.tool.faiss_index_lookup.search": (
        "promptflow_vectordb.tool.faiss_index_lookup.FaissIndexLookup.search"
    ),
}


def load_package(node: Node, folder: str) -> Tool:
    """Load a tool by the id that a node's source names.

    Raises
    ------
    FlowFailure
        ResolveToolError around PackageToolNotFoundError, DuplicateToolMappingError,
        InvalidSource, InvalidCustomLLMTool, or what importing it raised.
    """
    started = time.perf_counter()
    try:
        return _load(node, folder, started)
    except FlowFailure as failure:
        failure.node = failure.node or node.name
        if failure.code == "ResolveToolError":
            raise
        raise load_failed(failure) from None


def _load(node: Node, folder: str, started: float) -> Tool:
    tool_id = (node.source.tool if node.source else None) or ""
    definition = find_definition(tool_id)
    function, owner = _imported(tool_id, definition, folder)
    original = getattr(function, "__original_function", function)
    interface = _declared(read_interface(original, owner), definition)
    fixed: Dict[str, Any] = {}
    if node.source is not None and node.source.type == "package_with_prompt":
        fixed, interface = _prompt(node, folder, original, interface)
    is_async = inspect.iscoroutinefunction(original)
    async_generator = inspect.isasyncgenfunction(original)
    return Tool(
        name=tool_id,
        type=str(definition.get("type") or "python"),
        function=function,
        interface=interface,
        is_async=is_async,
        is_generator=async_generator or inspect.isgeneratorfunction(original),
        forces_loop=is_async or async_generator,
        owner=owner,
        method=original.__name__ if owner is not None else "",
        fixed=fixed,
        file=(node.source.path or "") if node.source else "",
        duration_ms=(time.perf_counter() - started) * 1000,
        omissible=frozenset(
            name
            for name, parameter in interface.parameters.items()
            if not parameter.required
        ),
    )


def find_definition(tool_id: str) -> Dict[str, Any]:
    """Return the definition of a tool, under its name of today or an earlier one.

    Raises
    ------
    FlowFailure
        PackageToolNotFoundError naming tools that are called alike,
        DuplicateToolMappingError.
    """
    if tool_id in _BUILT_IN and not _has_real_tools():
        return _built_in(tool_id)
    known = installed_tools()
    if tool_id in known:
        return known[tool_id]
    successors = [
        name
        for name, definition in known.items()
        if tool_id in (definition.get("deprecated_tools") or ())
    ]
    if len(successors) > 1:
        raise FlowFailure(
            "DuplicateToolMappingError",
            f"the tool '{tool_id}' was replaced by more than one: "
            f"{', '.join(successors)}",
            hint="write the one that you mean into the node's source",
        )
    if successors:
        return known[successors[0]]
    if tool_id in _BUILT_IN:
        return _built_in(tool_id)
    if tool_id in _RENAMED:
        return _built_in(_RENAMED[tool_id])
    raise _not_found(tool_id, [*known, *_BUILT_IN])


@functools.lru_cache(maxsize=1)
def installed_tools() -> Dict[str, Dict[str, Any]]:
    """Return the definitions of all tools that installed distributions announce.

    A distribution that cannot tell its tools is left out with a warning.
    """
    found: Dict[str, Dict[str, Any]] = {}
    for entry in _entry_points():
        try:
            tools = entry.load()()
            found.update({str(name): dict(value) for name, value in tools.items()})
        except Exception as error:
            sys.stderr.write(
                f"warning: the tools of '{entry.value}' cannot be listed: "
                f"({type(error).__name__}) {text_of(error)}\n"
            )
    return found


def _entry_points() -> List[Any]:
    if sys.version_info >= (3, 10):
        return list(metadata.entry_points(group=GROUP))
    return list(metadata.entry_points().get(GROUP, ()))


@functools.lru_cache(maxsize=1)
def _has_real_tools() -> bool:
    try:
        metadata.distribution("promptflow-tools")
    except metadata.PackageNotFoundError:
        return False
    return True


def _built_in(tool_id: str) -> Dict[str, Any]:
    module, _, function = tool_id.rpartition(".")
    before, _, last = module.rpartition(".")
    definition = {"type": _BUILT_IN[tool_id], "module": module, "function": function}
    if last[:1].isupper():
        definition.update(module=before, class_name=last)
    return definition


def _not_found(tool_id: str, known: List[str]) -> FlowFailure:
    close = difflib.get_close_matches(tool_id, known, 3, 0.6)
    last = tool_id.rpartition(".")[2]
    close = close or [name for name in known if name.endswith(f".{last}")][:3]
    package = tool_id.partition(".")[0].replace("_", "-")
    hint = f"{way_to_add(package or 'NAME')}, when that is its package"
    if close and package != "promptflow-vectordb":
        hint = f"did you mean {' or '.join(repr(name) for name in close)}?"
    return FlowFailure(
        "PackageToolNotFoundError",
        f"no installed package has the tool '{tool_id}'",
        hint=hint,
    )


def _imported(
    tool_id: str, definition: Mapping[str, Any], folder: str
) -> Tuple[Callable[..., Any], Optional[type]]:
    name = str(definition.get("module") or "")
    path = list(sys.path)
    # A file of the flow must not stand in for a package that is called alike.
    sys.path[:] = [entry for entry in path if entry != folder]
    try:
        module = importlib.import_module(name)
        owner = definition.get("class_name")
        place: Any = getattr(module, str(owner)) if owner else module
        function = getattr(place, str(definition.get("function") or ""))
    except (ImportError, AttributeError) as error:
        raise FlowFailure(
            "FailedToImportModule",
            f"the tool '{tool_id}' cannot be imported: "
            f"({type(error).__name__}) {text_of(error)}",
            hint=hint_for(error) or "its package seems to be broken: install it anew",
            cause=error,
        ) from None
    finally:
        sys.path[:] = path
    warm_models(folder)
    if owner and is_provider(place):
        return function, place
    return function, place if owner else None


def warm_models(folder: str) -> None:
    """Import once, ahead of the runs, what our own tools call models with."""
    if "promptflow.tools._models" not in sys.modules or "openai" in sys.modules:
        return
    from pf_jupyter.worker.execution.llm.clients import warm_up

    try:
        warm_up(folder)
    except FlowFailure:  # told by the node, when it runs
        pass


def _declared(interface: Interface, definition: Mapping[str, Any]) -> Interface:
    """Take the types that a definition gives where the signature has none.

    They are written in any case (flow-format section 1.3); what is no type is taken
    for the class of a connection.
    """
    found = dict(interface.parameters)
    for name, declared in (definition.get("inputs") or {}).items():
        kinds = declared.get("type") or ()
        kinds = tuple(map(_type, (kinds,) if isinstance(kinds, str) else kinds))
        parameter = found.get(name)
        if not kinds or (parameter is not None and parameter.is_connection):
            continue
        if parameter is None:
            if not interface.takes_any:
                continue
            parameter = Parameter(name, kinds, False, declared.get("default"))
        found[name] = Parameter(
            name=name,
            types=kinds,
            required=parameter.required,
            default=parameter.default,
            enum=parameter.enum,
            custom_types=parameter.custom_types,
            is_connection=kinds[0] not in VALUE_TYPES,
            of_init=parameter.of_init,
        )
    return Interface(found, interface.takes_any, interface.output)


def _type(written: Any) -> str:
    lower = str(written).lower()
    return lower if lower in VALUE_TYPES else str(written)


def _prompt(
    node: Node, folder: str, original: Callable[..., Any], interface: Interface
) -> Tuple[Dict[str, Any], Interface]:
    """Bind the prompt file to the parameter that is annotated for it."""
    names = [
        name
        for name, parameter in interface.parameters.items()
        if "prompt_template" in parameter.types
    ]
    if not names:
        raise FlowFailure(
            "InvalidCustomLLMTool",
            f"'{original.__qualname__}' of node '{node.name}' takes no prompt: none of "
            "its parameters is annotated PromptTemplate",
            hint="use it in a python node with 'source: {type: package, tool: …}'",
        )
    path = source_path(node, folder)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    marked = inspect.signature(original).parameters[names[0]].annotation
    fixed: Dict[str, Any] = {
        names[0]: marked(text) if isinstance(marked, type) else text
    }
    outside = sorted(inputs_from_outside(node))
    if outside and (interface.takes_any or HIDDEN_INPUT in interface.parameters):
        fixed[HIDDEN_INPUT] = outside
    left = {k: v for k, v in interface.parameters.items() if k not in fixed}
    for name in _variables(node, folder, text):
        left.setdefault(name, Parameter(name, ("object",), False, ""))
    return fixed, Interface(left, interface.takes_any, interface.output)


def _variables(node: Node, folder: str, text: str) -> List[str]:
    try:
        return template_variables(import_jinja2(node, folder), text)
    except Exception:  # the tool need not be one that reads jinja2
        return []
