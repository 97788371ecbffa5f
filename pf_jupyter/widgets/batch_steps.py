"""The wizard of batches from step to step: what must fit before the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import PfError, UsageError
from .batch_plan import NEW, Wiring, limits, number, scale, tags
from .batch_work import EVALUATION, MAPPING, ROWS, RUN, WHERE, BatchWork

if TYPE_CHECKING:
    from ..workspace.api import FlowInfo, Runtime


class BatchSteps(BatchWork):
    """Evaluations, going on and going back, and where it is to run."""

    # ---- evaluations

    def judges(self) -> list[FlowInfo]:
        """Return the flows that judge: those that aggregate what they gave."""
        return [
            info
            for info in self.flows or ()
            if any(node.get("aggregation") for node in info.nodes)
        ]

    def do_choose_judge(self, judge: str, **values: Any) -> None:
        """Choose an evaluation, or not any more."""
        self._keep(values)
        info = next((i for i in self.judges() if str(i.path) == judge), None)
        if self.evaluations.pop(judge, None) is None and info is not None:
            self._add_judge(info)

    def do_own_judge(self, **values: Any) -> None:
        """Add a flow of one's own that judges."""
        self._keep(values)
        path = str(self.typed.get("own_judge") or "").strip()
        self.wrong.pop("own_judge", None)
        if not path:
            self.wrong["own_judge"] = "name its folder"
            return
        self.work(
            "judge",
            lambda: self.workspace.flows.show(path),
            self._add_own_judge,
            failed=self._no_judge,
        )

    def _add_own_judge(self, info: FlowInfo) -> None:
        self.typed["own_judge"] = ""
        known = list(self.flows or ())
        if all(info.path != other.path for other in known):
            self.flows = [*known, info]
        self._add_judge(info)

    def _no_judge(self, error: PfError) -> bool:
        self.wrong["own_judge"] = f"{error.message}. {error.hint}".strip(". ")
        return True

    def _add_judge(self, info: FlowInfo) -> None:
        key = str(info.path)
        self.evaluations[key] = wiring = Wiring(info)
        if self.sources is not None:
            wiring.take(self._sources_for(key).suggest(info))
        self._check()

    # ---- from step to step

    def do_next(self, **values: Any) -> None:
        """Go on when what was typed fits."""
        self._keep(values)
        self._check()
        if self.here in (ROWS, RUN):
            self._read()
            self._waiting = self.working("flow") or self.working("rows")
            if self._waiting:
                return
        self._advance()

    def _advance(self) -> None:
        self.wrong = self._problems()
        if self.wrong or any(w.wrong for _, w in self._asked_here()):
            return
        self.trouble = None
        self.step = min(self.step + 1, len(self.steps) - 1)

    def do_back(self, **values: Any) -> None:
        """Go one step back; what was typed stays."""
        self._keep(values)
        self.step, self.wrong = max(self.step - 1, 0), {}

    def do_place(self, **values: Any) -> None:
        """Take another choice of where it runs."""
        self._keep(values)
        for key in ("at", "judge"):
            self.wrong.pop(f"{key}_name", None)

    def do_drop(self) -> None:
        """Give up: nothing was made, so nothing is left behind."""
        self._restart()
        if self.host is not None:
            self.host.act("leave")
        else:
            self.begin()

    def _asked_here(self) -> list[tuple[str, Wiring]]:
        if self.here == MAPPING:
            return self.wirings()[:1]
        if self.here == EVALUATION:
            return list(self.evaluations.items())
        return []

    def _problems(self) -> dict[str, str]:
        here = self.here
        if here in (ROWS, RUN):
            return self._row_problems()
        if here == EVALUATION and self.judging and not self.evaluations:
            return {"judges": "choose at least one"}
        if here in (WHERE, EVALUATION):
            return self._number_problems()
        return {}

    def _row_problems(self) -> dict[str, str]:
        wrong = {k: v for k, v in self.wrong.items() if k in ("flow", "data", "source")}
        if self.judging and not self.typed.get("source"):
            wrong["source"] = "choose a batch that is over"
        if not self.judging and self.flow_wiring is None:
            wrong.setdefault("flow", "name a flow")
        if not self.judging and self.sources is None:
            wrong.setdefault("data", "name a file of rows, or choose an earlier run")
        return wrong

    def _number_problems(self) -> dict[str, str]:
        typed, wrong = self.typed, dict[str, str]()
        places = ["at"] if self.here == WHERE else ["judge"]
        checks: dict[str, Any] = {}
        for place in places:
            if typed.get(place) == NEW:
                checks |= {
                    f"{place}_cpus": number,
                    f"{place}_memory": number,
                    f"{place}_name": self._free_name,
                }
        if self.here == WHERE:
            checks |= {
                "workers": lambda text: number(text, whole=True),
                "line_timeout": number,
                "batch_timeout": number,
                "tags": tags,
            }
        if self.here == EVALUATION and typed.get("settled"):
            checks |= {"error": number, "smallest": number, "scale": scale}
            if not typed.get("against"):
                wrong["against"] = "choose the run to beat"
        for name, check in checks.items():
            try:
                check(typed.get(name))
            except UsageError as error:
                wrong[name] = error.message
        return wrong

    def _free_name(self, typed: Any) -> None:
        name = str(typed or "").strip()
        if not name:
            raise UsageError("give it a name", code="bad_name")
        if name in {str(record["name"]) for record in self.runtimes}:
            raise UsageError("there is a runtime of that name", code="already_exists")

    # ---- what is asked of the workspace

    def make_place(self, place: str, on_phase: Any) -> tuple[Runtime, bool]:
        """Return where it is to run, and whether it was made for this."""
        typed, runtimes = self.typed, self.workspace.runtimes
        chosen = str(typed.get(place) or "")
        if chosen == NEW:
            name = str(typed[f"{place}_name"]).strip()
            made = runtimes.create(
                name,
                environment=str(typed.get(f"{place}_environment") or "default"),
                kind="session",
                limits=limits(typed, place),
                on_phase=on_phase,
            )
            return made, True
        if not chosen:
            flow = self.flow_wiring.info.path if self.flow_wiring is not None else None
            if flow is None:
                return runtimes.ensure(on_phase=on_phase), False
            return runtimes.ensure_for(flow, on_phase=on_phase), False
        runtime = runtimes.get(chosen)
        if runtime.state == "stopped":
            runtime.start(on_phase=on_phase)
        return runtime, False
