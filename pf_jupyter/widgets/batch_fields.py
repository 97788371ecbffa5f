"""Parts of the wizard of batches: rows at a glance, mappings, where it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..commands.wording import limits_name, plural
from .batch_plan import NEW, SAME, Wiring, references
from .elements import Child, Element, h
from .parts import badge, choice, column, field, row, text
from .shown import facts, notice, table
from .values import brief, written

if TYPE_CHECKING:
    from ..workspace.api import BatchRun, DataPreview, LineResult

_CELL = 48


def rows_seen(data: DataPreview) -> Element:
    """Return the first rows of data, the types of its columns, how many there are."""
    heads = [
        h("span", name, h("span", kind, class_="pf-mu pf-block"))
        for name, kind in data.columns
    ]
    rows = [
        [h("code", brief(line.get(name), _CELL)) for name, _ in data.columns]
        for line in data.rows
    ]
    shown = f"the first {len(rows)} of " if data.count > len(rows) else ""
    named = plural(len(data.columns), "column")
    return column(
        text(f"{shown}{plural(data.count, 'row')}, {named}", quiet=True),
        table(heads, rows, caption="first rows of the data"),
    )


def run_seen(run: BatchRun, lines: Sequence[LineResult]) -> Element:
    """Return what a run has given, for one to know it again."""
    rows: list[list[Child]] = [
        [
            str(line.line_number),
            h("code", brief(line.inputs, _CELL)),
            h("code", brief(line.outputs, _CELL)),
        ]
        for line in lines
    ]
    counts = run.counts
    return column(
        facts(
            [
                ("flow", run.flow),
                ("runtime", run.runtime),
                ("completed", f"{counts['completed']} of {counts['total']} lines"),
                ("failed, not judged", str(counts["failed"] or "")),
            ]
        ),
        table(["line", "inputs", "outputs"], rows, caption="first lines of the run"),
    )


def mapping_fields(
    key: str,
    wiring: Wiring,
    columns: Mapping[str, Sequence[str]],
    example: Mapping[str, Any],
) -> Element:
    """Return a field for each input of a flow: a reference, or a constant.

    Parameters
    ----------
    key
        What the fields are named by.
    columns
        What can be referred to.
    example
        A row of the data, to show what a reference gives.
    """
    offered = references(columns)
    fields = [
        field(
            f"map:{key}:{item['name']}",
            str(item["name"]),
            wiring.given.get(str(item["name"]), ""),
            help=_from(item, wiring, example),
            error=wiring.wrong.get(str(item["name"])),
            placeholder=_placeholder(item),
            required=item.get("default") is None,
            suggestions=offered,
            change="map",
            typed="map",
        )
        for item in wiring.info.inputs
    ]
    told: list[Child] = []
    if "" in wiring.wrong:
        told.append(notice(wiring.wrong[""], tone="no"))
    told += [notice(words, tone="warn") for words in wiring.warnings]
    return column(*told, *fields)


def _placeholder(item: Mapping[str, Any]) -> str:
    default = item.get("default")
    if default is None:
        return "choose a column, or write a value"
    return f"default: {brief(written(default), 40)}"


def _from(item: Mapping[str, Any], wiring: Wiring, example: Mapping[str, Any]) -> Child:
    kind = str(item.get("type") or "string")
    given = wiring.given.get(str(item["name"]), "")
    if given.startswith("${data.") and given[7:-1] in example:
        return f"{kind}; in the first row: {brief(example[given[7:-1]], _CELL)}"
    told = str(item.get("description") or "")
    return f"{kind}; {told}" if told else kind


def connection_field(
    key: str, wiring: Wiring, known: Sequence[str], asked_of: str
) -> Child:
    """Return the choice of a connection where a flow asks a model."""
    if not wiring.asking:
        return None
    options = [("", f"as the flow says{asked_of}"), *((name, name) for name in known)]
    return choice(
        f"connection:{key}",
        f"Connection of the model in {', '.join(wiring.asking)}",
        options,
        wiring.connection,
    )


def place_fields(
    place: str,
    typed: Mapping[str, Any],
    runtimes: Sequence[Mapping[str, Any]],
    environments: Sequence[str],
    wrong: Mapping[str, str],
) -> Element:
    """Return the choice of a runtime, or what one is to be made of.

    Parameters
    ----------
    place
        ``at`` for what is run, ``judge`` for evaluations beside it.
    """
    chosen = str(typed.get(place) or "")
    options = [(str(r["name"]), runtime_words(r)) for r in runtimes]
    if place == "judge":
        options.insert(0, (SAME, "the runtime of the batch"))
    else:
        options.insert(0, ("", "automatic: a session of your own"))
    options.append((NEW, "a new one, as powerful as you say"))
    if chosen not in dict(options):
        options.append((chosen, f"{chosen} (gone)"))
    words = "Runtime of the evaluations" if place == "judge" else "Runtime"
    state = next((r["state"] for r in runtimes if r["name"] == chosen), None)
    parts: list[Child] = [
        choice(place, words, options, chosen, change="place"),
        row(badge(str(state))) if state else None,
    ]
    if chosen == NEW:
        names = list(environments) or ["default"]
        parts.append(
            row(
                field(
                    f"{place}_name",
                    "Its name",
                    typed.get(f"{place}_name", ""),
                    required=True,
                    placeholder="big",
                    error=wrong.get(f"{place}_name"),
                ),
                choice(
                    f"{place}_environment",
                    "Environment",
                    names,
                    str(typed.get(f"{place}_environment") or "default"),
                ),
                field(
                    f"{place}_cpus",
                    "Processors",
                    typed.get(f"{place}_cpus", ""),
                    kind="number",
                    placeholder="4",
                    error=wrong.get(f"{place}_cpus"),
                ),
                field(
                    f"{place}_memory",
                    "Memory in GB",
                    typed.get(f"{place}_memory", ""),
                    kind="number",
                    placeholder="8",
                    error=wrong.get(f"{place}_memory"),
                ),
                wide=True,
            )
        )
        words = "It is made when you start, and goes when nobody used it for an hour."
        parts.append(text(words, quiet=True))
    return column(*parts)


def runtime_words(record: Mapping[str, Any]) -> str:
    """Return a runtime for a list to choose from, with its size."""
    environment = record.get("environment") or {}
    named = f"{environment['name']}:{environment['version']}" if environment else ""
    engine = str(record.get("engine") or "")
    size = limits_name({"limits": record.get("limits")}) or "all of the machine"
    return " · ".join(filter(None, [str(record["name"]), size, named, engine]))
