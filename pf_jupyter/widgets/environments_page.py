"""Environments: what is in each version, what differs, building another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..commands.wording import plural, seconds, size
from ..errors import NotFound, PfError, UsageError
from .elements import Child, Element, h
from .journey import Journey
from .panel import Panel
from .parts import badge, button, card, choice, field, form, page, row, submit, text
from .shown import empty, facts, loading, log, table, tabs

if TYPE_CHECKING:
    from ..workspace.api import (
        CheckResult,
        Environment,
        EnvironmentBuild,
        EnvironmentDiff,
        Workspace,
    )

_REQUIREMENTS = "image_build/requirements.txt"
_DOCKERFILE = "image_build/Dockerfile"


class EnvironmentsWork(Panel):
    """Everything about environments but how they look.

    Parameters
    ----------
    workspace
        Whose.
    environment
        One that is open at first.
    """

    def __init__(self, workspace: Workspace, environment: str | None = None) -> None:
        self.known: Sequence[Environment] | None = None
        self.first = environment
        self.one: Environment | None = None
        self.diff: EnvironmentDiff | None = None
        self.told: Sequence[CheckResult] | None = None
        self.way = Journey(self.changed)
        self.folder: str | None = None
        self.files: dict[str, str] = {}
        self.built: EnvironmentBuild | None = None
        self.lines: Sequence[str] = ()
        super().__init__(workspace)

    def begin(self) -> None:
        """Ask for all versions, and for the one that is open."""
        self.do_list()
        if self.first is not None:
            self.do_open(self.first)

    def do_list(self) -> None:
        """Show the list."""
        self.one, self.folder, self.built = None, None, None
        environments = self.workspace.environments
        self.work("list", lambda: environments.list(), self._know)

    def _know(self, found: Sequence[Environment]) -> None:
        self.known = found

    def do_open(self, reference: str) -> None:
        """Open a version."""
        self.diff, self.told, self.trouble = None, None, None
        environments = self.workspace.environments
        self.work("open", lambda: environments.get(reference), self._opened)

    def _opened(self, found: Environment) -> None:
        self.one = found

    def do_diff(self, other: str) -> None:
        """Show what differs between another version and the open one."""
        assert self.one is not None
        here = reference_of(self.one)
        environments = self.workspace.environments
        if other:
            self.work("diff", lambda: environments.diff(other, here), self._know_diff)

    def _know_diff(self, found: EnvironmentDiff) -> None:
        self.diff = found

    def do_check(self) -> None:
        """Try the open version again."""
        assert self.one is not None
        here = reference_of(self.one)
        environments = self.workspace.environments
        self.work("check", lambda: environments.check(here), self._know_checks)

    def _know_checks(self, found: Sequence[CheckResult]) -> None:
        self.told = found

    # ---- making one

    def do_new(self) -> None:
        """Open the builder for a folder that is to be written or read."""
        self.folder, self.files, self.built, self.trouble = "", {}, None, None

    def do_folder(self, folder: str) -> None:
        """Read a folder that defines an environment, or write a new one."""
        path = Path(folder.strip())
        if not folder.strip():
            raise UsageError(
                "no folder was named", code="bad_value", hint="my-env, say"
            )
        environments = self.workspace.environments
        self.work("folder", lambda: _read(environments, path), self._know_files)

    def _know_files(self, found: tuple[str, dict[str, str]]) -> None:
        self.folder, self.files = found

    def do_build(self, publish: bool = False, **values: str) -> None:
        """Write what was typed, build it, and give it a number if that is wanted."""
        assert self.folder is not None
        folder = self.folder
        for name in self.files:
            self.files[name] = values.get(name, self.files[name])
        written = dict(self.files)
        self.way, self.built, self.lines = Journey(self.changed), None, ()
        environments, way = self.workspace.environments, self.way

        def call() -> Any:
            for name, content in written.items():
                (Path(folder) / name).write_text(content, encoding="utf-8")
            built = environments.build(folder, on_phase=way)
            if not publish:
                return built
            return environments.publish(folder, on_phase=way)

        self.work("build", call, self._made, failed=self._not_made)

    def do_publish(self, **values: str) -> None:
        """Build and publish what was typed."""
        self.do_build(publish=True, **values)

    def _made(self, found: Any) -> None:
        self.lines = list(found.log)
        if hasattr(found, "version"):
            self.do_list()
            self.do_open(reference_of(found))
        else:
            self.built = found

    def _not_made(self, error: PfError) -> None:
        self.lines = list(getattr(error, "log", ()) or error.details.get("log") or ())


class EnvironmentsPage(EnvironmentsWork):
    """How environments look."""

    def view(self) -> Element:
        """Return the builder, the open version, or the list."""
        if self.folder is not None:
            return self._builder()
        if self.one is not None:
            return self._version(self.one)
        return page(
            "Environments",
            self._rows(),
            actions=[
                button("New", "new", icon="add", kind="primary"),
                button("Refresh", "list", icon="refresh", kind="quiet", bare=True),
            ],
        )

    def _rows(self) -> Child:
        if self.known is None:
            return loading("Asking for the environments")
        if not self.known:
            return empty(
                "box",
                "No environment of your own yet",
                "Until then runtimes stand on default, which is made when the first "
                "one is.",
                button("New", "new", icon="add", kind="primary"),
            )
        rows: list[list[Child]] = []
        for one in self.known:
            here = reference_of(one)
            rows.append(
                [
                    button(here, "open", kind="quiet", key=here, reference=here),
                    [one.description, badge("archived", "off") if one.archived else ""],
                    one.python,
                    size(one.size) if one.size else "–",
                    plural(len(one.used_by), "runtime") if one.used_by else "–",
                    one.owner,
                    one.created_at[:16].replace("T", " "),
                ]
            )
        return table(
            ["name", "", "python", "size", "used by", "owner", "made"],
            rows,
            keys=[reference_of(one) for one in self.known],
            caption="environments",
        )

    def _version(self, one: Environment) -> Element:
        here = reference_of(one)
        others = [reference_of(o) for o in self.known or () if reference_of(o) != here]
        packages = table(
            ["package", "version", "from"],
            [[p.name, h("code", p.version), p.source] for p in one.packages],
            keys=[p.name for p in one.packages],
            caption="packages",
        )
        told = facts(
            [
                ("digest", h("code", one.digest)),
                ("image", h("code", one.image)),
                ("base", [one.base, " ", h("code", one.base_digest[7:19])]),
                ("python", one.python),
                ("size", size(one.size) if one.size else None),
                ("registries", ", ".join(one.registries)),
                ("used by", ", ".join(one.used_by)),
                ("tags", ", ".join(f"{k}={v}" for k, v in one.tags.items())),
                ("owner", one.owner),
                ("made", one.created_at[:19].replace("T", " ")),
            ]
        )
        pages: list[tuple[str, Child, Child]] = [
            ("overview", "Overview", told),
            ("packages", f"Packages {len(one.packages)}", packages),
            ("differences", "Differences", self._differences(others)),
            ("health", "Health", self._health()),
        ]
        if one.log:
            pages.append(("log", "Build log", log(list(one.log), key="buildlog")))
        back = button("All environments", "list", icon="back", kind="quiet", bare=True)
        return page(
            here,
            tabs("environment", pages),
            lead=back,
            subtitle=one.description or None,
        )

    def _differences(self, others: Sequence[str]) -> Child:
        if not others:
            return text("There is no other version to compare with.", quiet=True)
        options = [("", "choose one"), *((o, o) for o in others)]
        shown: list[Child] = [
            choice("other", "Compare with", options, change="diff"),
        ]
        found = self.diff
        if found is None:
            return shown
        if found.equal:
            return [*shown, text(f"{found.before} has the same in it.", tone="ok")]
        rows: list[list[Child]] = [
            [c.name, h("code", c.before or "–"), h("code", c.after or "–")]
            for c in (*found.facts, *found.packages)
        ]
        return [*shown, table(["", found.before, found.after], rows, caption="diff")]

    def _health(self) -> Child:
        check = button("Check now", "check", icon="check", busy=self.working("check"))
        if self.told is None:
            words = (
                "Image, contract, registry, base and known vulnerabilities are tried."
            )
            return [text(words, quiet=True), row(check)]
        rows: list[list[Child]] = [
            [badge(c.status), c.name, c.message, h("i", c.hint)] for c in self.told
        ]
        return [
            table(["", "what", "found", "what to do"], rows, caption="checks"),
            row(check),
        ]

    def _builder(self) -> Element:
        back = button("All environments", "list", icon="back", kind="quiet", bare=True)
        busy = self.working("build")
        if not self.files:
            body: Child = form(
                field(
                    "folder",
                    "Folder",
                    self.folder,
                    required=True,
                    placeholder="my-env",
                    help="One that defines an environment is read; another one is "
                    "written, with all that it needs to build at once.",
                ),
                row(submit("Open", icon="arrow", busy=self.working("folder"))),
                do="folder",
            )
            narrow = h("div", body, class_="pf-narrow")
            return page("New environment", narrow, lead=back)
        fields = [
            field(
                name, name, content, kind="code", rows=min(content.count("\n") + 3, 16)
            )
            for name, content in self.files.items()
        ]
        actions = row(
            submit("Build and try", icon="play", busy=busy),
            button("Build and publish", "publish", icon="up", busy=busy),
        )
        return page(
            Path(str(self.folder)).name,
            form(*fields, actions, do="build"),
            card(self.way.shown("steps of the build"), key="way")
            if self.way.events
            else None,
            self._outcome(),
            lead=back,
            subtitle=str(Path(str(self.folder)).absolute()),
        )

    def _outcome(self) -> Child:
        built = self.built
        shown: list[Child] = []
        if built is not None:
            words = (
                "nothing had changed"
                if built.cached
                else seconds(built.duration_ms / 1e3)
            )
            shown.append(
                card(
                    row(badge("built", "ok"), words),
                    facts(
                        [
                            ("image", h("code", built.image)),
                            ("digest", h("code", built.digest)),
                            ("size", size(built.size)),
                            ("python", built.python),
                            ("packages", str(len(built.packages))),
                        ]
                    ),
                    *(text(word, tone="warn") for word in built.warnings),
                )
            )
        if self.lines:
            shown.append(log(list(self.lines), key="buildlog", label="build log"))
        return shown or None


def reference_of(environment: Environment) -> str:
    """Return ``name:version``."""
    return f"{environment.name}:{environment.version}"


def _read(environments: Any, path: Path) -> tuple[str, dict[str, str]]:
    if not path.exists():
        environments.init(path.name, to=path)
    known = ("environment.yaml", _REQUIREMENTS, _DOCKERFILE)
    names = [name for name in known if (path / name).is_file()]
    if not names:
        raise NotFound(
            f"{path} defines no environment",
            hint="it has no environment.yaml and no image_build folder; name a folder "
            "that is not there yet, and it is written",
        )
    return str(path), {
        name: (path / name).read_text(encoding="utf-8", errors="replace")
        for name in names
    }
