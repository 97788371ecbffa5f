"""How environments are shown: one version, what a build gave, what differs."""

from __future__ import annotations

import html
from itertools import chain, repeat
from typing import TYPE_CHECKING

from .results import Shown, pre
from .wording import columns, plural, size

if TYPE_CHECKING:
    from ..workspace.api import Environment, EnvironmentBuild, EnvironmentDiff

_MOST_PACKAGES = 12


class ShownEnvironment(Shown):
    """A version of an environment, to look at and to use."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def text(self) -> str:
        """Return its facts, then the packages that are its own."""
        one = self.environment
        name = f"{one.name}:{one.version}"
        tags = {k: v for k, v in one.tags.items() if k != "withdrawn"}
        facts = [
            ("withdrawn", one.withdrawn and f"do not use it: {one.withdrawn}"),
            ("digest", one.digest or "not made yet"),
            ("description", one.description),
            ("tags", ", ".join(f"{k}={v}" for k, v in tags.items())),
            ("python", one.python),
            ("size", size(one.size) if one.size else ""),
            ("base", f"{one.base} @ {one.base_digest[7:19]}" if one.base else ""),
            *(("registry", f"{r} @ {d[7:19]}") for r, d in one.registries.items()),
            ("image", one.image),
            ("variables", ", ".join(one.environment_variables)),
            ("routes", self._routes()),
            ("used by", ", ".join(one.used_by) or "no runtime"),
            ("owner", one.owner),
            ("published", one.created_at[:19].replace("T", " ")),
            ("archived", "yes: hidden, still usable" if one.archived else ""),
            *zip(chain(["notes"], repeat("")), one.notes.splitlines(), strict=False),
            ("packages", self._packages()),
        ]
        return "\n".join([name, *columns([(f"  {k}", v) for k, v in facts if v])])

    def html(self) -> str:
        """Return the same, its name in bold."""
        first, _, rest = self.text().partition("\n")
        return f"<b>{html.escape(first)}</b>{pre(rest)}"

    def _routes(self) -> str:
        routes = self.environment.inference_config
        found = [
            f"{name.removesuffix('_route')} {one.get('port', '')}{one.get('path', '')}"
            for name, one in routes.items()
            if isinstance(one, dict)
        ]
        kept = "of Azure's endpoints: kept, not served here"
        return f"{', '.join(found)} ({kept})" if found else ""

    def _packages(self) -> str:
        one = self.environment
        own = [p for p in one.packages if p.source == "environment"]
        of_base = len(one.packages) - len(own)
        named = ", ".join(f"{p.name} {p.version}" for p in own[:_MOST_PACKAGES])
        more = len(own) - _MOST_PACKAGES
        named += f" and {more} more" if more > 0 else ""
        return " + ".join(x for x in (f"{of_base} of its base", named) if x)


class ShownDiff(Shown):
    """What differs between two versions."""

    def __init__(self, diff: EnvironmentDiff) -> None:
        self.diff = diff

    def text(self) -> str:
        """Return a line for each package and fact that differs."""
        diff = self.diff
        if diff.before == diff.after:
            return f"{diff.after} is the only version: nothing to compare it with"
        if diff.equal:
            return f"{diff.before} and {diff.after} are equal"
        rows = [
            (_mark(c.before, c.after), c.name, _change(c.before, c.after))
            for c in diff.packages
        ]
        lines = [f"{diff.before} → {diff.after}", *columns(rows)]
        if not diff.packages:
            lines.append("  the same packages")
        facts = [
            (f"  {c.name}", _change(_short(c.name, c.before), _short(c.name, c.after)))
            for c in diff.facts
        ]
        return "\n".join([*lines, *columns(facts)])


class ShownBuild(Shown):
    """What a build gave, and what to do with it."""

    def __init__(self, build: EnvironmentBuild, publish: str) -> None:
        self.build = build
        self._publish = publish

    def text(self) -> str:
        """Return it in two or three lines."""
        built = self.build
        own = [p for p in built.packages if p.source == "environment"]
        added = ", ".join(f"{p.name} {p.version}" for p in own[:_MOST_PACKAGES])
        state = "unchanged" if built.cached else "built"
        first = f"{built.name} is {state} · {built.digest[7:19]} · {size(built.size)}"
        first += f" · Python {built.python} · {plural(len(built.packages), 'package')}"
        more = " …" if len(own) > _MOST_PACKAGES else ""
        lines = [first, *([f"  on its base: {added}{more}"] if added else [])]
        return "\n".join([*lines, f"  {self._publish} gives it a number for good"])


def _mark(before: str | None, after: str | None) -> str:
    return "+" if before is None else "-" if after is None else "~"


def _change(before: str | None, after: str | None) -> str:
    if before is None or after is None:
        return str(after if before is None else before)
    return f"{before} → {after}"


def _short(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    if name == "size":
        return size(int(value or 0))
    return value[7:19] if value.startswith("sha256:") else value or "none"
