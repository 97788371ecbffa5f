"""The first steps of the wizard of batches: rows, mapping, where and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..commands.wording import plural
from .batch_fields import (
    connection_field,
    mapping_fields,
    place_fields,
    rows_seen,
    run_seen,
)
from .batch_plan import Wiring, variant_choices
from .batch_start import BatchStart
from .elements import Child, Element, h
from .parts import button, card, choice, field, form, row, submit, text
from .shown import empty, loading, notice


class BatchPages(BatchStart):
    """How rows, mapping and limits look."""

    def _step(self, *parts: Child, reading: bool = False) -> Element:
        back = button("Back", "back", icon="back") if self.step else None
        foot = row(back, submit("Next", icon="arrow", busy=reading))
        return form(*parts, foot, do="next")

    def _rows_step(self) -> Element:
        typed = self.typed
        flows = [str(i.path) if i.path.is_dir() else i.name for i in self.flows or ()]
        given = "it was given by the cell" if self.given_data is not None else None
        named = [(str(r["run_id"]), run_words(r)) for r in self.batches]
        wrong = self.wrong
        waiting = self._waiting
        left_out = self.like.left_out() if self.like is not None else []
        return self._step(
            notice("Not taken over", text(", ".join(left_out)), tone="warn")
            if left_out
            else None,
            h(
                "div",
                field(
                    "flow",
                    "Flow",
                    typed["flow"],
                    required=True,
                    suggestions=flows,
                    placeholder="a folder, or the name of an example",
                    help=self._flow_words(),
                    error=wrong.get("flow"),
                    change="look",
                ),
                field(
                    "data",
                    "Rows",
                    typed["data"],
                    suggestions=self.files,
                    placeholder="questions.csv" if given is None else "of this cell",
                    help="jsonl, csv, tsv, json or parquet, or a folder of them",
                    error=wrong.get("data"),
                    change="look",
                    reason=given,
                ),
                choice(
                    "source",
                    "Outputs of an earlier run, to map as well",
                    [("", "none"), *named],
                    str(typed.get("source") or ""),
                    change="look",
                    error=wrong.get("source"),
                )
                if named
                else None,
                class_="pf-column pf-narrow",
            ),
            self._preview(),
            reading=waiting,
        )

    def _flow_words(self) -> str:
        if self.working("flow"):
            return "it is read"
        wiring = self.flow_wiring
        if wiring is None:
            return ""
        inputs = ", ".join(str(item["name"]) for item in wiring.info.inputs)
        return f"{plural(len(wiring.info.nodes), 'node')}; takes {inputs or 'nothing'}"

    def _run_step(self) -> Element:
        typed, wrong = self.typed, self.wrong
        named = [(str(r["run_id"]), run_words(r)) for r in self.batches]
        if not named and not typed["source"]:
            if self.working("known"):
                return loading("Looking for batches that are over")
            words = "What is judged is a batch that is over: run a flow over rows first"
            return empty("chart", "Nothing to evaluate yet", words)
        if typed["source"] and typed["source"] not in dict(named):
            named.append((typed["source"], typed["source"]))
        return self._step(
            h(
                "div",
                choice(
                    "source",
                    "The run to judge",
                    named,
                    str(typed["source"]),
                    change="look",
                    error=wrong.get("source"),
                ),
                field(
                    "data",
                    "Further rows, the right answers say",
                    typed["data"],
                    suggestions=self.files,
                    placeholder="none",
                    help="joined to the run's lines one by one",
                    error=wrong.get("data"),
                    change="look",
                    reason="it was given by the cell"
                    if self.given_data is not None
                    else None,
                ),
                class_="pf-column pf-narrow",
            ),
            self._preview(),
            reading=self._waiting,
        )

    def _preview(self) -> Child:
        if self.working("rows"):
            return loading("Reading the rows")
        if self.sources is None:
            return None
        data = self.sources.data
        return [
            card(rows_seen(data), title="Rows") if data is not None else None,
            card(run_seen(self.source, self.seen), title="The run")
            if self.source is not None
            else None,
        ]

    def _mapping_step(self) -> Element:
        wiring = self.flow_wiring
        assert wiring is not None
        if not wiring.info.inputs:
            body: Child = text("This flow declares no inputs: each row is given whole.")
        else:
            body = self._mapping("flow", wiring)
        return self._step(
            h(
                "div",
                text("What of the rows goes into which input.", quiet=True),
                body,
                connection_field("flow", wiring, self.connections, ""),
                class_="pf-column pf-narrow",
            )
        )

    def _mapping(self, key: str, wiring: Wiring) -> Element:
        data = self.sources.data if self.sources is not None else None
        example = data.rows[0] if data is not None and data.rows else {}
        return mapping_fields(key, wiring, self.columns_for(key), example)

    def _where_step(self) -> Element:
        typed, wrong = self.typed, self.wrong
        wiring = self.flow_wiring
        variants = (
            variant_choices(wiring.info, every=True) if wiring is not None else []
        )
        numbers = (
            ("workers", "Lines at once", "as many as help"),
            ("line_timeout", "Seconds for a line", "600"),
            ("batch_timeout", "Seconds for all", "no limit"),
        )
        limited = [
            field(
                key,
                label,
                typed.get(key, ""),
                kind="number",
                placeholder=usual,
                error=wrong.get(key),
            )
            for key, label, usual in numbers
        ]
        return self._step(
            h(
                "div",
                place_fields("at", typed, self.runtimes, self.environments, wrong),
                choice("variant", "Variant", variants, str(typed.get("variant") or ""))
                if len(variants) > 1
                else None,
                row(*limited, wide=True),
                row(
                    field("name", "Name", typed.get("name", ""), placeholder="none"),
                    field(
                        "tags",
                        "Tags",
                        typed.get("tags", ""),
                        placeholder="key=value key=value",
                        error=wrong.get("tags"),
                    ),
                    wide=True,
                ),
                field(
                    "description",
                    "Description",
                    typed.get("description", ""),
                    placeholder="what it is for",
                ),
                class_="pf-column pf-narrow",
            )
        )


def run_words(record: Mapping[str, Any]) -> str:
    """Return a batch for a list to choose from."""
    lines = record.get("lines") or {}
    when = str(record.get("created_at") or "")[:16].replace("T", " ")
    named = record.get("name") or record.get("flow")
    return f"{named} · {when} · {lines.get('completed', 0)} lines"
