"""What can be known of the files that nodes name, without running them.

Rules: flow-format sections 1.4, 1.8 and 2.7.
"""

from __future__ import annotations

import functools
import posixpath
import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Protocol

from pf_jupyter.flow.fields import KeyPath, did_you_mean
from pf_jupyter.flow.model import Flow, Node, ToolSource
from pf_jupyter.flow.problems import Problem
from pf_jupyter.flow.python_source import SourceError, count_tools, parse_python
from pf_jupyter.flow.reader import Collector

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_SOURCE_BYTES = 1024 * 1024
"""Larger sources are left to the runtime: parsing them here would be felt."""

SUPPORTED = {
    ("python", "code"),
    ("python", "package"),
    ("prompt", "code"),
    ("llm", "code"),
    ("custom_llm", "package_with_prompt"),
}
"""Pairs of node type and source type that the format has."""

APIS = ("chat", "completion")
"""What an llm node can ask of a model."""


class SourceFile(Protocol):
    """A file of the flow folder."""

    @property
    def size(self) -> int:
        """Its size in bytes."""

    def read(self) -> bytes:
        """Return its contents."""


def check_sources(
    flow: Flow,
    places: Sequence[KeyPath],
    report: Collector,
    files: Mapping[str, SourceFile],
    python: tuple[int, int] | None = None,
) -> None:
    """Report everything that is wrong with the nodes' types and sources.

    Parameters
    ----------
    flow
        The flow, its variants applied.
    places
        For each node the path at which it is written.
    report
        Receives problems.
    files
        The flow's files by POSIX path.
    python
        Version of Python that will run them; None means this one's.
    """
    looked_at: set[tuple[str, str]] = set()
    for node, place in zip(flow.nodes, places, strict=True):
        if node.type is None:
            _missing_type(node, place, report)
            continue
        if not _is_supported(node, place, report):
            continue
        if node.type == "llm":
            _check_model(node, place, report)
        if node.source is not None and node.source.type != "code":
            _check_tool_name(node, place, report)
            if node.source.type == "package":
                continue
        path = _source_path(node, place, report, files)
        if path is None or (node.type, path) in looked_at:
            continue
        looked_at.add((node.type, path))
        try:
            if files[path].size <= MAX_SOURCE_BYTES:
                _check_file(node, path, files[path].read(), report, python)
        except OSError as error:
            report.problem(
                "unreadable_file",
                (*place, "source", "path"),
                f"node '{node.name}': {path} cannot be read ({error.strerror})",
                "look at the file's permissions",
            )


def inside_flow(path: str) -> str | None:
    """Return a path of a flow file in its normal form; None when it leads outside."""
    if PurePosixPath(path).is_absolute() or PureWindowsPath(path).anchor:
        return None
    normal = posixpath.normpath(path)
    return None if normal == ".." or normal.startswith("../") else normal


def _missing_type(node: Node, place: KeyPath, report: Collector) -> None:
    if not report.complained((*place, "type")):
        report.problem(
            "missing_node_type",
            place,
            f"node '{node.name}' has no type",
            "add 'type: python' or 'type: prompt'",
        )


def _check_model(node: Node, place: KeyPath, report: Collector) -> None:
    """Report what an llm node lacks to call a model."""
    if not node.connection and not report.complained((*place, "connection")):
        report.problem(
            "GetConnectionError",
            place,
            f"node '{node.name}' names no connection",
            "add 'connection: NAME' to the node; %pfconnection list shows all",
        )
    if node.api in APIS or report.complained((*place, "api")):
        return
    written = (*place, "api") in report.positions.keys
    report.problem(
        "APINotFound",
        (*place, "api") if written else place,
        f"node '{node.name}': there is no api '{node.api}'"
        if node.api
        else f"node '{node.name}' has no api",
        did_you_mean(node.api or "", APIS, "write 'api: chat' or 'api: completion'"),
    )


def _check_tool_name(node: Node, place: KeyPath, report: Collector) -> None:
    """Report a package source that does not say which tool it means."""
    at = (*place, "source")
    if node.source is None or node.source.tool or report.complained(at):
        return
    if not report.complained((*at, "tool")):
        report.problem(
            "PackageToolNotFoundError",
            at,
            f"node '{node.name}': its source names no tool",
            "add 'tool: package.module.function'",
            at_key=True,
        )


def _is_supported(node: Node, place: KeyPath, report: Collector) -> bool:
    at_type, at_source = (*place, "type"), (*place, "source", "type")
    if report.complained(at_type) or report.complained(at_source):
        return False
    if node.type == "csharp":
        report.problem(
            "unsupported_node_kind",
            at_type,
            f"node '{node.name}': C# nodes are not supported by this version",
            "write the node in Python",
        )
        return False
    # A missing source is reported where it is looked for.
    source = node.source.type if node.source else "code"
    if (node.type, source) in SUPPORTED or report.complained((*place, "source")):
        return True
    wanted = sorted(kind for type_, kind in SUPPORTED if type_ == node.type)
    report.problem(
        "unsupported_node_kind",
        at_source if node.source is not None else (*place, "type"),
        f"node '{node.name}': a {node.type} node cannot have a source of type "
        f"'{source}'",
        f"write 'type: {wanted[0]}'" if wanted else "write 'type: code'",
    )
    return False


def _source_path(
    node: Node, place: KeyPath, report: Collector, files: Mapping[str, SourceFile]
) -> str | None:
    """Return the path of a node's file, or None after reporting what is wrong."""
    source_place = (*place, "source")
    path_place = (*place, "source", "path")
    if node.source is None:
        report.problem(
            "InvalidSource",
            place,
            f"node '{node.name}' has no source",
            f"add 'source: {{type: code, path: {_example(node)}}}'",
        )
        return None
    if report.complained(source_place) or report.complained(path_place):
        return None
    path = node.source.path
    if not path:
        report.problem(
            "InvalidSource",
            source_place,
            f"node '{node.name}': its source has no path",
            f"add 'path: {_example(node)}'",
            at_key=True,
        )
        return None
    normal = inside_flow(path)
    if normal is None:
        report.problem(
            "path_outside_flow",
            path_place,
            f"node '{node.name}': {path} leads out of the flow folder",
            "move the file into the folder, or name it under 'additional_includes:'",
        )
        return None
    if normal not in files:
        report.problem(
            "InvalidSource",
            path_place,
            f"node '{node.name}': there is no file {path} in the flow folder",
            _missing_hint(node.source, normal, files),
        )
        return None
    return normal


def _example(node: Node) -> str:
    return f"{node.name}.{'py' if node.type == 'python' else 'jinja2'}"


def _missing_hint(
    source: ToolSource, path: str, files: Mapping[str, SourceFile]
) -> str:
    if "\\" in path and path.replace("\\", "/") in files:
        return f"write '{path.replace(chr(92), '/')}'"
    if any(name.startswith(path + "/") for name in files):
        return "that is a folder: name the file in it"
    ending = posixpath.splitext(path)[1]
    return did_you_mean(path, [name for name in files if name.endswith(ending)])


def _check_file(
    node: Node,
    path: str,
    data: bytes,
    report: Collector,
    python: tuple[int, int] | None,
) -> None:
    if node.type == "python":
        newer = python is not None and python > sys.version_info[:2]
        _check_python(node, path, data, report, newer)
    else:
        _check_template(node, path, data, report)


def _check_python(
    node: Node, path: str, data: bytes, report: Collector, newer: bool
) -> None:
    module = parse_python(data)
    if isinstance(module, SourceError):
        problem = Problem(
            "PythonLoadError",
            f"node '{node.name}': {module.message}",
            path,
            module.line,
            module.column,
            node=node.name,
        )
        # A newer Python may well understand what this one does not.
        (report.warnings if newer else report.problems).append(problem)
        return
    tools = count_tools(module)
    if len(tools.names) > 1:
        names = " and ".join(f"'{name}'" for name in tools.names)
        report.add(
            Problem(
                "MultipleToolsDefined",
                f"node '{node.name}': the file defines the tools {names}, a node has "
                "one",
                path,
                tools.lines[1],
                1,
                "keep @tool on one of them, or move the others to files of their own",
                node.name,
            )
        )
    elif not tools.names and tools.exact:
        report.add(
            Problem(
                "NoToolDefined",
                f"node '{node.name}': the file defines no tool",
                path,
                1,
                1,
                "put @tool (from promptflow.core import tool) before the function",
                node.name,
            )
        )


@functools.cache
def _templates() -> Environment:
    """Return an environment with the format's settings; imported when first needed."""
    from jinja2.sandbox import SandboxedEnvironment

    return SandboxedEnvironment(trim_blocks=True, keep_trailing_newline=True)


def _check_template(node: Node, path: str, data: bytes, report: Collector) -> None:
    from jinja2 import TemplateSyntaxError

    code = "TemplateSyntaxError"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        message = f"node '{node.name}': byte {data[error.start]:#04x} is not UTF-8"
        hint = "save the file with the encoding UTF-8"
        report.add(Problem("not_utf8", message, path, line, column, hint, node.name))
        return
    try:
        _templates().compile(text, raw=True)
    except TemplateSyntaxError as error:
        line, code = error.lineno, type(error).__name__
        message = f"node '{node.name}': {(error.message or 'not a template').strip()}"
        column = _template_column(text, line)
    except (RecursionError, ValueError) as error:
        line, column = 1, 1
        message = f"node '{node.name}': the template cannot be read ({error})"
    else:
        return
    report.add(Problem(code, message.rstrip("."), path, line, column, "", node.name))


def _template_column(text: str, line: int) -> int:
    """Point at the first tag of the line: jinja tells the line alone."""
    lines = text.splitlines()
    content = lines[line - 1] if 0 < line <= len(lines) else ""
    starts = [at for tag in ("{{", "{%", "{#") if (at := content.find(tag)) >= 0]
    return min(starts, default=len(content) - len(content.lstrip())) + 1
