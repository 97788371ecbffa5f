"""A batch or an evaluation as it was typed: what fits, and what it says in a cell."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .values import read_inputs

if TYPE_CHECKING:
    from ..workspace.api import FlowInfo, RuntimeLimits

NEW = "+"
"""What is chosen for a runtime that is to be made."""
SAME = "="
"""What is chosen for evaluations that run where the batch does."""
EVERY = "*"
"""What a choice of variants ends with that stands for all of a node."""
_GIGABYTE = 1024**3


@dataclass
class Wiring:
    """One flow of the plan, and where its inputs come from.

    Parameters
    ----------
    info
        The flow.
    given
        What stands in the field of each input; empty for its default.
    own
        The inputs that were changed by hand, which suggestions leave alone.
    wrong
        What does not fit, by input; under the empty name what concerns all of it.
    warnings
        What looks unintended.
    connection
        The one to use in all its nodes that ask a model; empty for the flow's own.
    """

    info: FlowInfo
    given: dict[str, str] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    wrong: dict[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    connection: str = ""

    @property
    def asking(self) -> list[str]:
        """The nodes that ask a model."""
        return [str(n["name"]) for n in self.info.nodes if n.get("type") == "llm"]

    @property
    def missing(self) -> list[str]:
        """The inputs that have neither a default nor anything in their field."""
        return [
            str(item["name"])
            for item in self.info.inputs
            if item.get("default") is None and not self.given.get(str(item["name"]))
        ]

    def take(self, suggested: Mapping[str, str]) -> None:
        """Fill in what is suggested, but for what was written by hand."""
        names = [str(item["name"]) for item in self.info.inputs]
        self.own &= set(names)
        self.given = {
            name: self.given[name] if name in self.own else suggested.get(name, "")
            for name in names
        }

    def write(self, name: str, text: str) -> None:
        """Take what was written into a field."""
        if name in self.given and self.given[name] != text:
            self.given[name] = text
            self.own.add(name)

    def mapping(self) -> dict[str, Any]:
        """Return what is mapped, constants as values of their inputs' types.

        Raises
        ------
        UsageError
            One does not fit its type; ``details["input"]`` names it.
        """
        found: dict[str, Any] = {}
        for item in self.info.inputs:
            name = str(item["name"])
            text = self.given.get(name, "")
            if text.startswith("${"):
                found[name] = text
            elif text:
                found |= read_inputs([item], {f"in:{name}": text})
        return found

    def connections(self) -> dict[str, dict[str, str]] | None:
        """Return the connections to use instead of the flow's, None for its own."""
        if not self.connection:
            return None
        return {node: {"connection": self.connection} for node in self.asking}


def variant_choices(info: FlowInfo, *, every: bool = False) -> list[tuple[str, str]]:
    """Return what can be chosen of a flow's variants: one node's at a time.

    With ``every``, all of a node as well, one batch each.
    """
    choices = [("", "as the flow's file says")]
    for node, names in info.variants.items():
        choices += [(f"${{{node}.{name}}}", f"{node}: {name}") for name in names]
        if every and len(names) > 1:
            words = f"{node}: all {len(names)}, one batch each"
            choices.append((f"{node}{EVERY}", words))
    return choices


def variants_of(chosen: str, info: FlowInfo) -> list[str | None]:
    """Return the variants to run, one batch each; None for the flow as it is."""
    if not chosen:
        return [None]
    if chosen.endswith(EVERY):
        node = chosen.removesuffix(EVERY)
        return [f"${{{node}.{name}}}" for name in info.variants[node]]
    return [chosen]


def number(typed: Any, *, whole: bool = False) -> Any:
    """Return what was typed as a number above 0, None for nothing.

    Raises
    ------
    UsageError
        It is something else.
    """
    text = str(typed or "").strip()
    if not text:
        return None
    try:
        found: float = int(text) if whole else float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        kind = "a whole number" if whole else "a number"
        raise UsageError(f"'{text}' is not {kind} above 0", code="bad_value")
    return found


def limits(typed: Mapping[str, Any], place: str) -> RuntimeLimits:
    """Return the limits of a runtime that is to be made (UsageError)."""
    from ..workspace.api import RuntimeLimits

    memory = number(typed.get(f"{place}_memory"))
    return RuntimeLimits(
        cpus=number(typed.get(f"{place}_cpus")),
        memory=None if memory is None else int(memory * _GIGABYTE),
    )


def scale(typed: Any) -> tuple[float, float] | None:
    """Return the two ends of a score, None for nothing (UsageError)."""
    text = str(typed or "").strip()
    if not text:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = 0.0
    if not low < high:
        raise UsageError(f"'{text}' is not a pair such as 1,5", code="bad_value")
    return low, high


def tags(typed: Any) -> dict[str, str]:
    """Return ``key=value`` words as a dictionary (UsageError)."""
    found = {}
    for word in str(typed or "").split():
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise UsageError(f"'{word}' is not key=value", code="bad_value")
        found[key] = value
    return found


def lines_in_cells(
    typed: Mapping[str, Any],
    wirings: Sequence[Wiring],
    *,
    flow: Wiring | None,
    data: str,
    run: str,
) -> list[str]:
    """Return the same as lines for cells.

    Parameters
    ----------
    typed
        What was typed.
    wirings
        The evaluations.
    flow
        The flow of the batch, None where a run is judged.
    data
        The rows, as they are named in a cell.
    run
        The run that is judged, or mapped from.
    """
    told: list[str] = []
    places = ("at", "judge") if flow is not None and wirings else ("at",)
    for place in places:
        if typed.get(place) == NEW:
            told.append(_making(typed, place))
    where = _place_words(typed, "at")
    limit_words = [
        f"--{name} {_quoted(str(typed[key]))}"
        for name, key in (
            *(("workers", "workers"), ("timeout", "line_timeout")),
            *(("batch-timeout", "batch_timeout"), ("name", "name")),
            ("description", "description"),
        )
        if typed.get(key)
    ]
    if typed.get("tags"):
        pairs = (_quoted(word) for word in str(typed["tags"]).split())
        limit_words.append(f"--tags {' '.join(pairs)}")
    if flow is not None:
        words = ["%pfrun create --flow", _quoted(str(flow.info.path)), f"--data {data}"]
        words += [f"--run {run}"] if run else []
        words += _map_words(flow)
        if typed.get("variant"):
            words.append(f"--variant '{typed['variant']}'")
        told.append(" ".join([*words, *where, *limit_words]))
        run, data = "RUN", ""
        if typed.get("judge") not in (None, "", SAME):
            where = _place_words(typed, "judge")
        limit_words = []
    for wiring in wirings:
        words = [f"%pfeval --run {run} --flow", _quoted(wiring.info.name)]
        words += [f"--data {data}"] if data else []
        words += _map_words(wiring)
        if typed.get("settled"):
            words.append(f"--against {typed.get('against')} --stop-when-settled")
        told.append(" ".join([*words, *where, *limit_words]))
    return told


def _making(typed: Mapping[str, Any], place: str) -> str:
    words = [f"%pfruntime create {typed.get(f'{place}_name')} --kind session"]
    environment = typed.get(f"{place}_environment")
    if environment and environment != "default":
        words.append(f"--env {environment}")
    if typed.get(f"{place}_cpus"):
        words.append(f"--cpus {typed[f'{place}_cpus']}")
    if typed.get(f"{place}_memory"):
        words.append(f"--memory {typed[f'{place}_memory']}g")
    return " ".join(words)


def _place_words(typed: Mapping[str, Any], place: str) -> list[str]:
    chosen = str(typed.get(place) or "")
    name = str(typed.get(f"{place}_name") or "") if chosen == NEW else chosen
    return [f"--runtime {name}"] if name and name != SAME else []


def _map_words(wiring: Wiring) -> list[str]:
    pairs = [
        f"{name}={_quoted(text)}"
        for name, text in wiring.given.items()
        if text and text != "${data." + name + "}"
    ]
    return ["--map", *pairs] if pairs else []


def _quoted(text: str) -> str:
    return shlex.quote(text)


def references(columns: Mapping[str, Iterable[str]]) -> list[str]:
    """Return everything that a mapping can refer to."""
    return [
        "${" + f"{source}.{name}" + "}"
        for source, names in columns.items()
        for name in names
    ]
