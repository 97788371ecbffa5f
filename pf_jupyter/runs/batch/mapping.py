"""What of the data goes into which input of a flow: flow-format section 4.2.

``parse_mapping`` reads what a user wrote, ``bind`` checks it against the columns that
are there, all of it at once and before anything runs, and returns a `Plan`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import UsageError
from ...flow.fields import nearest
from ...flow.model import FlowInput
from .data import LINE_NUMBER, Rows
from .data_json import Row
from .joining import Numbered, joined
from .suggesting import DATA, not_found, suggest

RUN_INPUTS, RUN_OUTPUTS = "run.inputs", "run.outputs"

__all__ = ["DATA", "Plan", "bind", "implicit", "parse_mapping", "suggest"]


def parse_mapping(mapping: Mapping[str, Any] | Iterable[str] | None) -> dict[str, Any]:
    """Return a mapping as a dictionary from input to reference or constant.

    Parameters
    ----------
    mapping
        A dictionary, or texts ``input=${data.column}``; None for none. A key
        ``line_number`` is dropped, as the format has it.

    Raises
    ------
    UsageError
        A text without ``=``, or a name that is no text.
    """
    if mapping is None:
        return {}
    if isinstance(mapping, str):
        mapping = [mapping]
    if not isinstance(mapping, Mapping):
        pairs = [str(item).partition("=") for item in mapping]
        wrong = [name for name, equals, _ in pairs if not equals or not name]
        if wrong:
            raise UsageError(
                f"a mapping has no '=': {', '.join(wrong)}",
                code="bad_mapping",
                hint="give input='${data.column}'",
            )
        mapping = {name.strip(): value for name, _, value in pairs}
    for name in mapping:
        if not isinstance(name, str):
            raise UsageError(
                f"a mapping names inputs by text, not by {name!r}",
                code="bad_mapping",
                hint="give {'input': '${data.column}'}",
            )
    return {name: value for name, value in mapping.items() if name != LINE_NUMBER}


def referenced(value: Any) -> str | None:
    """Return what stands in ``${…}`` if that is the whole text, else None."""
    if isinstance(value, str) and value.startswith("${") and value.endswith("}"):
        return value[2:-1]
    return None


def implicit(
    mapping: Mapping[str, Any], flow_inputs: Mapping[str, FlowInput]
) -> dict[str, Any]:
    """Return the whole mapping: inputs without default come from the data by name.

    Those with a default keep it unless they are mapped, even where the data has a
    column of their name (section 4.2).
    """
    whole = {
        name: "${data." + name + "}"
        for name, declared in flow_inputs.items()
        if declared.default is None
    }
    return {**whole, **mapping}


@dataclass
class Plan:
    """A mapping that fits its data; made by `bind`.

    Attributes
    ----------
    mapping
        Input to reference or constant, the implicit ones included: for the record.
    sources
        The rows by the name of their source.
    taken
        Input to source and column, for those that are not constants.
    warnings
        What looks unintended but does not keep the batch from running.
    """

    mapping: dict[str, Any]
    sources: dict[str, Rows]
    taken: dict[str, tuple[str, str]]
    constants: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    _count: int | None = None

    @property
    def needs_upstream(self) -> bool:
        """Whether the outputs or inputs of another run are joined."""
        return any(name != DATA for name in self.sources)

    def lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give number and inputs of every line that is to run, as a stream.

        Rows of several sources belong together by ``line_number``; a number that a
        source lacks, that of a failed line for instance, is left out (section 4.2).

        Raises
        ------
        UsageError
            ``InputMappingError``: the sources have no number in common.
        """
        if len(self.sources) == 1:
            ((name, rows),) = self.sources.items()
            made = self._maker({name: None})
            for number, row in Numbered(rows, self.warnings.append):
                yield number, made(row)
            return
        made = self._joiner()
        empty = True
        for number, found in joined(self.sources, self.warnings.append):
            empty = False
            yield number, made(found)
        if empty:
            raise UsageError(
                f"no line is in all of {', '.join(self.sources)}",
                code="InputMappingError",
                hint="rows belong together by 'line_number', or by their position",
            )

    def count(self) -> int:
        """Return how many lines there are; a join is gone through to know it."""
        if self._count is None:
            if len(self.sources) == 1:
                (rows,) = self.sources.values()
                self._count = Numbered(rows).count()
            else:
                self._count = sum(1 for _ in joined(self.sources))
        return self._count

    def inputs(
        self, row_number: int, row: Row | None, upstream_row: Row | None = None
    ) -> dict[str, Any]:
        """Return the inputs of one line.

        Parameters
        ----------
        row_number
            Its number, for messages only.
        row
            The row of the data; None when there is no data.
        upstream_row
            The row of the other run's outputs. Use `lines` where its inputs are
            mapped, too.
        """
        found = {DATA: row or {}, RUN_OUTPUTS: upstream_row or {}}
        made = dict(self.constants)
        for name, (source, column) in self.taken.items():
            try:
                made[name] = found[source][column]
            except KeyError:
                raise UsageError(
                    f"line {row_number} has no {source}.{column} for input {name!r}",
                    code="ApplyInputMappingError",
                    hint=f"map {name} to something that the line has",
                ) from None
        return {name: made[name] for name in self.mapping}

    def _maker(self, only: Mapping[str, None]) -> Callable[[Row], dict[str, Any]]:
        taken = [(n, c) for n, (s, c) in self.taken.items() if s in only]
        if not self.constants:
            return lambda row: {name: row[column] for name, column in taken}
        base = dict.fromkeys(self.mapping)
        base.update(self.constants)

        def made(row: Row) -> dict[str, Any]:
            inputs = base.copy()
            for name, column in taken:
                inputs[name] = row[column]
            return inputs

        return made

    def _joiner(self) -> Callable[[dict[str, Row]], dict[str, Any]]:
        base = dict.fromkeys(self.mapping)
        base.update(self.constants)
        taken = [
            (name, source, column) for name, (source, column) in self.taken.items()
        ]

        def made(found: dict[str, Row]) -> dict[str, Any]:
            inputs = base.copy()
            for name, source, column in taken:
                inputs[name] = found[source][column]
            return inputs

        return made


def bind(
    mapping: Mapping[str, Any] | Iterable[str] | None,
    flow_inputs: Mapping[str, FlowInput],
    rows: Rows | Mapping[str, Rows] | None,
    run_outputs: Rows | None = None,
    run_inputs: Rows | None = None,
) -> Plan:
    """Check a mapping against the columns and return how lines get their inputs.

    Parameters
    ----------
    mapping
        What the user gave.
    flow_inputs
        The inputs that the flow declares.
    rows
        The data, or all sources by their names; None when there is only a run.
    run_outputs, run_inputs
        Outputs and data of the run that is referred to. Its data only counts when
        it is mapped.

    Raises
    ------
    UsageError
        ``ApplyInputMappingError`` with everything that is not there, nearest names in
        the hint; ``InputMappingError`` when sources are empty or do not fit together;
        ``ValidationError`` when everything is a constant.
    """
    given = parse_mapping(mapping)
    if given and all(not str(value).startswith("$") for value in given.values()):
        # As the public tool has it, what looks at nothing but the first letter.
        raise UsageError(
            "the mapping holds only constants, so every line would be the same",
            code="ValidationError",
            hint="map at least one input to a column: input='${data.column}'",
        )
    sources = dict(rows) if isinstance(rows, Mapping) else {DATA: rows}
    known: dict[str, Rows] = {n: r for n, r in sources.items() if r is not None}
    for name, upstream in ((RUN_OUTPUTS, run_outputs), (RUN_INPUTS, run_inputs)):
        if upstream is not None:
            known[name] = upstream
    whole = implicit(given, flow_inputs)
    _require_rows(known)
    taken, constants = {}, {}
    missing: dict[str, str] = {}
    for name, value in whole.items():
        text = referenced(value)
        if text is None:
            constants[name] = value
            continue
        found = _find(text, known)
        if found:
            taken[name] = found
        else:
            missing[name] = text
    if missing:
        raise not_found(missing, whole, given, flow_inputs, known)
    if RUN_INPUTS in known and not any(s == RUN_INPUTS for s, _ in taken.values()):
        del known[RUN_INPUTS]
    _require_lengths(known)
    return Plan(whole, known, taken, constants, _unknown_inputs(given, flow_inputs))


def _find(text: str, sources: Mapping[str, Rows]) -> tuple[str, str] | None:
    """Find source and column by trying growing dotted prefixes; no nested access."""
    parts = text.split(".")
    for length in range(1, len(parts)):
        source, column = ".".join(parts[:length]), ".".join(parts[length:])
        if source in sources and column in sources[source].columns:
            return source, column
    return None


def _require_rows(sources: Mapping[str, Rows]) -> None:
    if not sources:
        raise UsageError(
            "there is neither data nor a run to take rows from",
            code="missing_data",
            hint="give --data FILE, --run RUN, or both",
        )
    empty = [name for name, rows in sources.items() if not rows.count()]
    if empty:
        outputs = RUN_OUTPUTS in empty
        raise UsageError(
            f"there are no rows in {', '.join(empty)}",
            code="InputMappingError",
            hint="no line of that run was completed" if outputs else "give other data",
        )


def _require_lengths(sources: Mapping[str, Rows]) -> None:
    counts = {n: r.count() for n, r in sources.items() if r.order == "position"}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} has {count} rows" for name, count in counts.items())
        raise UsageError(
            f"the sources do not fit together: {told}",
            code="InputMappingError",
            hint="give them as many rows, or number them in a column 'line_number'",
        )


def _unknown_inputs(
    given: Mapping[str, Any], flow_inputs: Mapping[str, FlowInput]
) -> list[str]:
    warnings = []
    for name in given if flow_inputs else ():
        if name not in flow_inputs:
            near = nearest(name, [n for n in flow_inputs if n not in given])
            more = f"; did you mean '{near}'?" if near else ""
            warnings.append(f"the flow has no input {name!r}{more}")
    return warnings
