"""Prompt nodes: a jinja2 template rendered in a sandbox.

Rules: flow-format sections 2.7 and 9 items 6 and 22.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, FrozenSet, List, Optional

from pf_jupyter.flow.model import Node
from pf_jupyter.flow.reference import InputReference, parse_reference
from pf_jupyter.worker.execution.failures import (
    FlowFailure,
    load_failed,
    text_of,
    way_to_add,
)
from pf_jupyter.worker.execution.images import prompt_images
from pf_jupyter.worker.execution.interface import Interface, Parameter
from pf_jupyter.worker.execution.llm.guard import GuardedText, guard, restore
from pf_jupyter.worker.execution.loading import Tool, source_path

RESERVED = "template"


@dataclass(frozen=True)
class Template:
    """A prompt that was read: its variables, in the order in which they appear.

    ``images`` are those that it shows as ``![image]({{name}})``.
    """

    render: Callable[..., str]
    variables: List[str]
    file: str
    duration_ms: float
    images: FrozenSet[str] = frozenset()


def load_prompt(node: Node, folder: str) -> Tool:
    """Load the template of a prompt node.

    Raises
    ------
    FlowFailure
        ResolveToolError around InvalidSource, TemplateSyntaxError (with the line), or
        NodeInputValidationError for a variable called ``template``.
    """
    template = read_template(node, folder, lambda variables: _reserved(node, variables))
    return Tool(
        name=node.name,
        type="prompt",
        function=_guarded(template.render, inputs_from_outside(node)),
        interface=Interface(
            variable_parameters(template), takes_any=True, output="string"
        ),
        file=template.file,
        duration_ms=template.duration_ms,
    )


def read_template(
    node: Node,
    folder: str,
    check: Callable[[List[str]], Optional[FlowFailure]] = lambda variables: None,
) -> Template:
    """Read the template that a node names.

    Parameters
    ----------
    node, folder
        The node, and where its flow is.
    check
        Given the variables, returns what is wrong with them.

    Raises
    ------
    FlowFailure
        ResolveToolError around InvalidSource, TemplateSyntaxError, or what ``check``
        returned.
    """
    try:
        return _read(node, folder, check)
    except FlowFailure as failure:
        if failure.code == "ResolveToolError":
            raise
        raise load_failed(failure) from None


def variable_parameters(template: Template) -> Dict[str, Parameter]:
    """Return the variables of a template as inputs of a tool."""
    return {
        name: Parameter(
            name=name,
            types=("image",) if name in template.images else ("string",),
            required=False,
            default="",
        )
        for name in template.variables
    }


def inputs_from_outside(node: Node) -> FrozenSet[str]:
    """Return the inputs of a node that are inputs of the flow.

    These are what must not become a role of a chat prompt (flow-format section 2.7).
    """
    return frozenset(
        name
        for name, raw in node.inputs.items()
        if isinstance(parse_reference(raw), InputReference)
    )


def _read(
    node: Node, folder: str, check: Callable[[List[str]], Optional[FlowFailure]]
) -> Template:
    started = time.perf_counter()
    path = source_path(node, folder)
    relative = str(node.source.path) if node.source else ""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    jinja2 = import_jinja2(node, folder)
    try:
        variables = template_variables(jinja2, text)
        template = compile_template(jinja2, text, path)
    except jinja2.TemplateSyntaxError as error:
        raise FlowFailure(
            type(error).__name__,
            text_of(error),
            hint=f"correct line {error.lineno} of '{relative}'",
            node=node.name,
            file=relative,
            line=error.lineno,
        ) from None
    wrong = check(variables)
    if wrong is not None:
        raise wrong
    return Template(
        _renderer(template, node.name),
        variables,
        relative,
        (time.perf_counter() - started) * 1000,
        prompt_images(text),
    )


def compile_template(jinja2: Any, text: str, path: str = "<template>") -> Any:
    """Compile a template with the settings of the format.

    The path makes template lines appear in tracebacks like any user's frame.
    """
    if os.environ.get("PF_USE_SANDBOX_FOR_JINJA", "true").lower() == "false":
        environment_class = jinja2.Environment
    else:
        environment_class = jinja2.sandbox.SandboxedEnvironment
    environment = environment_class(trim_blocks=True, keep_trailing_newline=True)
    code = environment.compile(text, filename=path)
    return jinja2.Template.from_code(environment, code, environment.globals)


def _reserved(node: Node, variables: List[str]) -> Optional[FlowFailure]:
    if RESERVED not in variables:
        return None
    relative = str(node.source.path) if node.source else ""
    return FlowFailure(
        "NodeInputValidationError",
        f"'{relative}' of node '{node.name}' has a variable called '{RESERVED}', a "
        "name that prompt nodes keep for themselves",
        hint=f"rename the variable '{RESERVED}'",
        node=node.name,
        file=relative,
    )


def _guarded(render: Callable[..., str], outside: FrozenSet[str]) -> Callable[..., str]:
    """Have a prompt's text remember which of its words are no roles."""

    def rendered(**values: Any) -> str:
        guarded, hidden = guard(values, outside)
        if not hidden:
            return render(**values)
        text = render(**guarded)
        return GuardedText(restore(text, hidden), text, hidden)

    return rendered


def import_jinja2(node: Node, folder: str) -> Any:
    """Import jinja2 past the flow's folder, whose files may be called alike.

    Raises
    ------
    FlowFailure
        PythonLoadError with the command that installs it.
    """
    if "jinja2.sandbox" not in sys.modules or "jinja2.meta" not in sys.modules:
        hidden = [entry for entry in sys.path if entry == folder]
        sys.path[:] = [entry for entry in sys.path if entry != folder]
        try:
            import jinja2.meta
            import jinja2.sandbox  # noqa: F401
        except ImportError as error:
            raise FlowFailure(
                "PythonLoadError",
                f"node '{node.name}' is a prompt and needs jinja2, which this "
                f"environment lacks ({text_of(error)})",
                hint=way_to_add("jinja2"),
                node=node.name,
            ) from None
        finally:
            sys.path[:0] = hidden
    return sys.modules["jinja2"]


def template_variables(jinja2: Any, text: str) -> List[str]:
    """Return what a template wants to be given, in the order of its text."""
    tree = jinja2.Environment().parse(text)
    names = jinja2.meta.find_undeclared_variables(tree)
    return sorted(names, key=lambda name: (text.find(name), name))


def _renderer(template: Any, node: str) -> Callable[..., str]:
    def render(**values: Any) -> str:
        try:
            return str(template.render(values))
        except Exception as error:
            raise FlowFailure(
                "JinjaTemplateError",
                f"the prompt of '{node}' cannot be rendered: "
                f"({type(error).__name__}) {text_of(error)}",
                hint="look at the values that the prompt's variables have",
                node=node,
                cause=error,
            ) from None

    return render
