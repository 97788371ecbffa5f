"""Reference grammar of the format: what ``${…}`` means and how properties are read.

Plain Python 3.9 without dependencies: the worker carries this module into containers.
Rules: flow-format section 1.5 and section 9 items 2 and 21.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any, List, Tuple, Union

from pf_jupyter.errors import PfError

INPUT_PREFIXES = ("inputs.", "flow.")
OUTPUT_SECTION = "output"


class InvalidReferenceProperty(PfError):
    """A property such as ``.score`` leads nowhere in the value it is applied to."""

    code = "InvalidReferenceProperty"
    codes = ("UserError", "NodeReferenceError", "InvalidReferenceProperty")


@dataclass(frozen=True)
class Literal:
    """Any value that is not a reference, kept as it is."""

    value: Any


@dataclass(frozen=True)
class InputReference:
    """``${inputs.name}`` or ``${flow.name}``; ``name`` may hold dots."""

    name: str

    def __str__(self) -> str:
        return "${flow." + self.name + "}"


@dataclass(frozen=True)
class NodeReference:
    """``${node.section.property}``; ``property`` is raw, empty when there is none."""

    node: str
    section: str = OUTPUT_SECTION
    property: str = ""

    def __str__(self) -> str:
        if self.property:
            return "${" + f"{self.node}.{self.section}.{self.property}" + "}"
        return "${" + f"{self.node}.{self.section}" + "}"


Reference = Union[Literal, InputReference, NodeReference]


@dataclass(frozen=True)
class Step:
    """One step of a property: ``kind`` is ``word``, ``key`` or ``index``."""

    kind: str
    value: Union[str, int]


def is_reference(value: Any) -> bool:
    """Tell whether ``value`` is a reference rather than a literal.

    Only a whole string counts: ``"Hi ${inputs.name}"`` and ``" ${a} "`` are literals,
    ``"${}"`` is a reference to the node named ``""``.
    """
    return (
        isinstance(value, str)
        and len(value) > 2
        and value.startswith("${")
        and value.endswith("}")
    )


def parse_reference(value: Any) -> Reference:
    """Read a raw node input, activate value or output reference.

    Parameters
    ----------
    value
        What the YAML holds. Anything that is not a reference becomes a `Literal`.
    """
    return _parse(value) if is_reference(value) else Literal(value)


@functools.lru_cache(maxsize=4096)
def _parse(text: str) -> Reference:
    body = text[2:-1]
    for prefix in INPUT_PREFIXES:
        if body.startswith(prefix):
            return InputReference(body[len(prefix) :])
    node, *rest = body.split(".", 2)
    section = rest[0] if rest else OUTPUT_SECTION
    return NodeReference(node, section, rest[1] if len(rest) > 1 else "")


def canonical(value: Any) -> Any:
    """Return the canonical text of a reference, and a literal unchanged.

    It is the key under which aggregation inputs are kept: ``${inputs.x}`` becomes
    ``${flow.x}`` and ``${n}`` becomes ``${n.output}``.
    """
    reference = parse_reference(value)
    return reference.value if isinstance(reference, Literal) else str(reference)


# Bare words first: neither bracket form can begin with a word character, and whatever
# fits none of the three is skipped without a complaint, as the format has it.
_STEP = re.compile(r"(?P<word>\w+)|\['(?P<key>.*?)'\]|\[(?P<index>\d+)\]")


def property_steps(text: str) -> Tuple[Step, ...]:
    """Split a property into its steps.

    ``a['b c'][0]`` gives the word ``a``, the key ``b c`` and the index 0. Characters
    that fit nothing are skipped: ``a-b`` is two words, ``["a b"]`` as well, and
    ``[-1]`` is the word ``1``.
    """
    steps: List[Step] = []
    for match in _STEP.finditer(text):
        if match["word"] is not None:
            steps.append(Step("word", match["word"]))
        elif match["key"] is not None:
            steps.append(Step("key", match["key"]))
        else:
            steps.append(Step("index", int(match["index"])))
    return tuple(steps)


def resolve_property(value: Any, property: str, node: str = "") -> Any:
    """Follow a property into a node's output.

    Parameters
    ----------
    value
        The whole output.
    property
        Raw property text; empty gives ``value`` itself.
    node
        Name for the error message.

    Raises
    ------
    InvalidReferenceProperty
        A key, index or attribute that is not there.
    TypeError
        Indexing something that has no index, None for instance; the format lets it
        escape as it is.
    """
    current = value
    try:
        for step in property_steps(property):
            if step.kind != "word" or isinstance(current, dict):
                current = current[step.value]
            else:
                current = getattr(current, str(step.value))
    except (KeyError, IndexError, AttributeError) as error:
        raise InvalidReferenceProperty(
            f"the output of node '{node}' has no property '{property}' "
            f"({type(error).__name__}: {error})",
            hint="look at the node's output to see what it holds",
        ) from None
    return current
