"""YAML text to plain values, with the place of every key and value.

The YAML is that of ruamel.yaml's round-trip mode, which is YAML 1.2 (flow-format
section 1.1). The document is built here from the parser's events instead of by ruamel's
constructor, so that everything wrong is found in one reading, every value has its
place, and nothing that a file holds can make reading it slow or deep.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode

from pf_jupyter.flow.fields import KeyPath
from pf_jupyter.flow.problems import Problem
from pf_jupyter.flow.values import preview
from pf_jupyter.flow.yaml_errors import decode, explain

MAX_BYTES = 1024 * 1024
MAX_ITEMS = 30_000
MAX_DEPTH = 50
"""Limits of one document: its size, its values after aliases, how deep they nest."""

_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = {_TAG + name for name in ("int", "float", "bool", "null", "timestamp")}
_MERGE = _TAG + "merge"


@dataclass
class Positions:
    """Where keys and values stand; lines and columns count from 1."""

    values: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    keys: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)

    def value(self, path: KeyPath) -> tuple[int, int]:
        """Return the place of a value, or of the nearest thing around it."""
        while path not in self.values and path not in self.keys and path:
            path = path[:-1]
        return self.values.get(path) or self.keys.get(path) or (1, 1)

    def key(self, path: KeyPath) -> tuple[int, int]:
        """Return the place of the key of ``path``; of its value if it has no key."""
        return self.keys.get(path) or self.value(path)


@dataclass
class Document:
    """A document read: ``value`` is None when it could not be made sense of."""

    value: Any = None
    positions: Positions = field(default_factory=Positions)
    problems: list[Problem] = field(default_factory=list)


def read_document(data: bytes, file: str) -> Document:
    """Read one YAML document.

    Parameters
    ----------
    data
        Contents of the file.
    file
        Its name, for problems.

    Returns
    -------
    Document
        Never raises for what ``data`` holds: a document that cannot be read has a
        problem and no value.
    """
    builder = _Builder(file)
    document = builder.document
    if len(data) > MAX_BYTES:
        builder.report(
            "file_too_large",
            f"the file has {len(data) / 1e6:.1f} MB, a flow file may have "
            f"{MAX_BYTES / 1e6:.1f} MB",
            (1, 1),
            "keep data in files of their own beside the flow file",
        )
        return document
    text = decode(data, file)
    if isinstance(text, Problem):
        document.problems.append(text)
        return document
    try:
        document.value = builder.build(text)
    except _Refused:
        pass  # the reason is among the problems
    except YAMLError as error:
        document.problems.append(explain(error, text, file, builder.last))
    except (RecursionError, ValueError, IndexError, AttributeError) as error:
        # ruamel's scanner fails in these ways on some malformed escapes and tags
        builder.report("yaml_syntax", f"this is not YAML ({error})", builder.last)
    return document


class _Refused(Exception):
    """A problem was reported after which going on makes no sense."""


@dataclass
class _Frame:
    """A collection that is being filled. ``key`` is the pending key of a mapping."""

    value: Any
    path: KeyPath
    anchor: str | None
    items_before: int
    key: Any = None
    has_key: bool = False
    merges: list[Any] = field(default_factory=list)


class _Builder:
    def __init__(self, file: str) -> None:
        self.file = file
        self.document = Document()
        self.last = (1, 1)
        self._items = 0
        self._stack: list[_Frame] = []
        self._root: Any = None
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._open_anchors: set[str] = set()

    def report(
        self, code: str, message: str, place: tuple[int, int], hint: str = ""
    ) -> None:
        self.document.problems.append(Problem(code, message, self.file, *place, hint))

    def build(self, text: str) -> Any:
        yaml = YAML(typ="safe", pure=True)
        scalars = YAML(typ="rt", pure=True)
        documents = 0
        for event in yaml.parse(text):
            mark = event.start_mark
            self.last = (mark.line + 1, mark.column + 1)
            if isinstance(event, ScalarEvent):
                tag = str(event.tag) if event.tag else None
                if tag is None or tag == "!":
                    plain = tag is None and event.implicit[0]
                    tag = str(
                        yaml.resolver.resolve(
                            ScalarNode, event.value, (plain, not plain)
                        )
                    )
                self._add(self._scalar(event, tag, scalars), event.anchor, tag)
            elif isinstance(event, MappingStartEvent | SequenceStartEvent):
                self._open(event)
            elif isinstance(event, MappingEndEvent | SequenceEndEvent):
                self._close()
            elif isinstance(event, AliasEvent):
                self._alias(str(event.anchor))
            elif isinstance(event, DocumentStartEvent):
                documents += 1
                if event.version:
                    scalars.version = event.version
                if documents > 1:
                    self.report(
                        "yaml_syntax",
                        "a second document begins here",
                        self.last,
                        "a flow file holds one document: take out the line '---'",
                    )
                    break
        return self._root

    def _scalar(self, event: Any, tag: str, scalars: YAML) -> Any:
        if tag == _TAG + "str" or tag == _MERGE:
            return _well_formed(str(event.value))
        if tag not in _PLAIN_TAGS:
            self.report(
                "yaml_tag",
                f"the tag {preview(tag.replace(_TAG, '!!'))} has no meaning in a flow",
                self.last,
                "take the tag out",
            )
            return str(event.value)
        node = ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        try:
            return plain_value(scalars.constructor.construct_object(node, deep=True))
        except (ValueError, TypeError, OverflowError, YAMLError, AttributeError):
            self.report(
                "yaml_value",
                f"{preview(event.value)} is not a valid {tag.replace(_TAG, '')}",
                self.last,
                "put it in quotes if it is text",
            )
            return str(event.value)

    def _count(self, items: int) -> None:
        self._items += items
        if self._items > MAX_ITEMS:
            self.report(
                "too_many_values",
                f"the file holds more than {MAX_ITEMS:,} values, aliases included",
                self.last,
                "keep data in files of their own beside the flow file",
            )
            raise _Refused

    def _child_path(self) -> KeyPath:
        if not self._stack:
            return ()
        top = self._stack[-1]
        if isinstance(top.value, list):
            return (*top.path, len(top.value))
        return (*top.path, top.key)

    def _open(self, event: Any) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self.report(
                "too_deep",
                f"values are nested more than {MAX_DEPTH} deep",
                self.last,
                "keep data in files of their own beside the flow file",
            )
            raise _Refused
        self._count(1)
        mapping = isinstance(event, MappingStartEvent)
        wanted = _TAG + ("map" if mapping else "seq")
        if event.tag and str(event.tag) not in (wanted, "!"):
            tag = str(event.tag).replace(_TAG, "!!")
            self.report(
                "yaml_tag",
                f"the tag {preview(tag)} has no meaning in a flow",
                self.last,
                "take the tag out",
            )
        if self._expects_key():
            self._bad_key()
        path = self._child_path()
        self.document.positions.values[path] = self.last
        anchor = str(event.anchor) if event.anchor else None
        if anchor:
            self._open_anchors.add(anchor)
        value: Any = {} if mapping else []
        self._stack.append(_Frame(value, path, anchor, self._items))

    def _expects_key(self) -> bool:
        top = self._stack[-1] if self._stack else None
        return top is not None and isinstance(top.value, dict) and top.has_key is False

    def _bad_key(self) -> None:
        self.report(
            "yaml_key",
            "a list or mapping cannot be a key",
            self.last,
            "put text that begins with { or [ in quotes",
        )
        raise _Refused

    def _close(self) -> None:
        frame = self._stack.pop()
        for merged in frame.merges:
            for key, value in merged.items():
                frame.value.setdefault(key, value)
        if frame.anchor:
            self._open_anchors.discard(frame.anchor)
            weight = self._items - frame.items_before + 1
            self._anchors[frame.anchor] = (frame.value, weight)
        self._place(frame.value)

    def _alias(self, anchor: str) -> None:
        if anchor in self._open_anchors and anchor not in self._anchors:
            self.report(
                "yaml_recursive",
                f"{preview('*' + anchor)} stands inside of what it stands for",
                self.last,
                "write the value out",
            )
            raise _Refused
        if anchor not in self._anchors:
            self.report(
                "yaml_syntax",
                f"{preview('*' + anchor)} refers to an anchor that is not there",
                self.last,
                "put '&' and that name before its value, or put the text in quotes",
            )
            raise _Refused
        value, weight = self._anchors[anchor]
        self._count(weight - 1)
        self._add(value, None, None)

    def _add(self, value: Any, anchor: Any, tag: str | None) -> None:
        """Add a scalar or an alias where the parser stands."""
        self._count(1)
        if anchor:
            self._anchors[str(anchor)] = (value, 1)
        if not self._expects_key():
            self.document.positions.values[self._child_path()] = self.last
            self._place(value)
            return
        if isinstance(value, dict | list):
            self._bad_key()
        top = self._stack[-1]
        top.has_key = True
        top.key = _MERGE_KEY if tag == _MERGE else value
        if top.key is _MERGE_KEY:
            return
        path = self._child_path()
        if value in top.value:
            first = self.document.positions.key(path)[0]
            self.report(
                "duplicate_key",
                f"the key {preview(value)} is written twice, first on line {first}",
                self.last,
                "take one of them out",
            )
            top.key = _DUPLICATE
        else:
            self.document.positions.keys[path] = self.last

    def _place(self, value: Any) -> None:
        if not self._stack:
            self._root = value
            return
        top = self._stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            return
        top.has_key = False
        if top.key is _MERGE_KEY:
            self._merge(top, value)
        elif top.key is not _DUPLICATE:
            top.value[top.key] = value

    def _merge(self, frame: _Frame, value: Any) -> None:
        sources = value if isinstance(value, list) else [value]
        if all(isinstance(source, dict) for source in sources):
            frame.merges.extend(sources)
            self._count(sum(len(source) for source in sources))
            return
        self.report(
            "yaml_syntax",
            "'<<' can only take in a mapping",
            self.last,
            "write '<<: *anchor' with the anchor of a mapping",
        )


_MERGE_KEY = object()
_DUPLICATE = object()


def _well_formed(text: str) -> str:
    """Join the halves of characters that were written as two escapes, as in JSON."""
    if text.isascii() or text.isprintable():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def plain_value(value: Any) -> Any:
    """Turn what ruamel constructs for a scalar into a value of a built-in class."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, datetime.datetime):
        return datetime.datetime(
            value.year,
            value.month,
            value.day,
            value.hour,
            value.minute,
            value.second,
            value.microsecond,
            value.tzinfo,
        )
    if isinstance(value, datetime.date):
        return datetime.date(value.year, value.month, value.day)
    for kind in (float, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, int):
        # round-trip booleans are integers of a class of their own
        return bool(value) if type(value).__name__ == "ScalarBoolean" else int(value)
    return value
