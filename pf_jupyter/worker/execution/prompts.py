"""Prompt nodes: a jinja2 template rendered in a sandbox.

Rules: flow-format sections 2.7 and 9 items 6 and 22.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Callable, List

from pf_jupyter.flow.model import Node
from pf_jupyter.worker.execution.failures import (
    FlowFailure,
    load_failed,
    text_of,
)
from pf_jupyter.worker.execution.interface import Interface, Parameter
from pf_jupyter.worker.execution.loading import Tool, source_path

RESERVED = "template"


def load_prompt(node: Node, folder: str) -> Tool:
    """Load the template of a prompt node.

    Raises
    ------
    FlowFailure
        ResolveToolError around InvalidSource, TemplateSyntaxError (with the line), or
        NodeInputValidationError for a variable called ``template``.
    """
    try:
        return _load(node, folder)
    except FlowFailure as failure:
        if failure.code == "ResolveToolError":
            raise
        raise load_failed(failure) from None


def _load(node: Node, folder: str) -> Tool:
    started = time.perf_counter()
    path = source_path(node, folder)
    relative = str(node.source.path) if node.source else ""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    jinja2 = import_jinja2(node, folder)
    if os.environ.get("PF_USE_SANDBOX_FOR_JINJA", "true").lower() == "false":
        environment_class = jinja2.Environment
    else:
        environment_class = jinja2.sandbox.SandboxedEnvironment
    environment = environment_class(trim_blocks=True, keep_trailing_newline=True)
    try:
        variables = _variables(jinja2, text)
        # The path makes template lines appear in tracebacks like any user's frame.
        code = environment.compile(text, filename=path)
        template = jinja2.Template.from_code(environment, code, environment.globals)
    except jinja2.TemplateSyntaxError as error:
        raise FlowFailure(
            type(error).__name__,
            text_of(error),
            hint=f"correct line {error.lineno} of '{relative}'",
            node=node.name,
            file=relative,
            line=error.lineno,
        ) from None
    if RESERVED in variables:
        raise FlowFailure(
            "NodeInputValidationError",
            f"'{relative}' of node '{node.name}' has a variable called "
            f"'{RESERVED}', a name that prompt nodes keep for themselves",
            hint=f"rename the variable '{RESERVED}'",
            node=node.name,
            file=relative,
        )
    parameters = {
        name: Parameter(name=name, types=("string",), required=False, default="")
        for name in variables
    }
    return Tool(
        name=node.name,
        type="prompt",
        function=_renderer(template, node.name),
        interface=Interface(parameters, takes_any=True, output="string"),
        file=relative,
        duration_ms=(time.perf_counter() - started) * 1000,
    )


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
                hint="%pfruntime install jinja2",
                node=node.name,
            ) from None
        finally:
            sys.path[:0] = hidden
    return sys.modules["jinja2"]


def _variables(jinja2: Any, text: str) -> List[str]:
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
