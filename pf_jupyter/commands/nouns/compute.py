"""`compute`: the places where runtimes can live."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from ..context import Context
from ..results import Checks, Facts, Message, Table
from ..tree import Argument, Outcome, Verb, noun
from ..values import count
from ..wording import limits_name, size

_NAME = Argument("name", "the compute", complete="compute", required=True)
_CERTIFICATES = Argument(
    "--certificates",
    "folder with ca.pem, cert.pem and key.pem; they are kept encrypted",
    metavar="FOLDER",
    complete="folder",
)
_DAYS = Argument(
    "--days",
    "for how long the sign-in holds; 180, or as long as the certificate, when not "
    "given",
    type=count,
)


def _list(context: Context, arguments: Namespace) -> Outcome:
    del arguments
    computes = context.workspace.computes.list()
    rows = [
        [
            str(item["name"]),
            str(item["engine"]),
            str(item.get("owner") or "everybody"),
            "isolates" if item["isolated"] else "does not isolate",
            "answers" if item["reachable"] else "does not answer",
            str(item.get("detail") or ""),
        ]
        for item in computes
    ]
    table = Table(
        ["name", "engine", "owner", "isolation", "state", "detail"],
        rows,
        computes,
        empty="no compute is known",
    )
    return Outcome(table, {"computes": computes})


def _add(context: Context, arguments: Namespace) -> Outcome:
    made = context.workspace.computes.add(
        arguments.name,
        arguments.address,
        certificates=arguments.certificates,
        scope=arguments.scope,
        days=arguments.days,
    )
    return _shown(made)


def _show(context: Context, arguments: Namespace) -> Outcome:
    return _shown(context.workspace.computes.show(arguments.name))


def _auth(context: Context, arguments: Namespace) -> Outcome:
    found = context.workspace.computes.auth(
        arguments.name, certificates=arguments.certificates, days=arguments.days
    )
    return _shown(found)


def _check(context: Context, arguments: Namespace) -> Outcome:
    found = context.workspace.computes.check(arguments.name)
    checks = Checks(found, context.respell)
    return Outcome(checks, checks.to_dict(), exit_code=1 if checks.failed else 0)


def _ps(context: Context, arguments: Namespace) -> Outcome:
    found = context.workspace.computes.ps(arguments.name)
    rows = [
        [
            one.name,
            _KINDS[one.kind],
            one.owner,
            one.status,
            str(one.runs or ""),
            one.image,
        ]
        for one in found.shown
    ]
    table = Table(
        ["name", "what", "owner", "state", "runs", "image"],
        rows,
        found.shown,
        empty=f"nothing lives on {arguments.name}",
    )
    document = {
        "compute": found.compute,
        "occupants": [asdict(one) for one in found.shown],
        "hidden": dict(found.hidden),
    }
    if not found.hidden:
        return Outcome(table, document)
    counted = ", ".join(
        f"{number} × {_KINDS[kind]}" for kind, number in sorted(found.hidden.items())
    )
    told = Message(f"{table.text() if rows else ''}\nnot shown: {counted}".strip())
    return Outcome(told, document)


def _remove(context: Context, arguments: Namespace) -> Outcome:
    computes, name = context.workspace.computes, arguments.name
    victims = computes.victims(name)
    lines = [f"compute {name} is forgotten; containers of others stay as they are"]
    if victims.runtimes:
        lines.append(f"deleted with it: {', '.join(victims.runtimes)}")
    if victims.runs:
        lines.append(f"runs that end with them: {', '.join(victims.runs)}")
    document = {"name": name, **asdict(victims)}
    context.progress.note("\n".join(lines))
    asked = context.interactive and not arguments.yes
    if asked and not context.confirm(f"remove compute {name}?"):
        return Outcome(Message(f"{name} stays"), {**document, "removed": False})
    # where nobody can be asked, runtimes go only with --yes
    computes.remove(name, runtimes=arguments.yes or asked)
    text = f"{name} is removed" + (
        f", and so are {', '.join(victims.runtimes)}" if victims.runtimes else ""
    )
    return Outcome(Message(text), {**document, "removed": True})


def _sizes(context: Context, arguments: Namespace) -> Outcome:
    from ...workspace.api import RuntimeLimits

    row: dict[str, Any] = {}
    if arguments.name:
        row = context.workspace.computes.show(arguments.name)
    items = []
    for name, limits in RuntimeLimits.sizes().items():
        item = {"name": name, **asdict(limits)}
        fits = all(
            not row.get(key) or item[key] <= row[key] for key in ("cpus", "memory")
        )
        items.append({**item, "fits": fits if row else None})
    rows = [
        [
            item["name"],
            limits_name({"limits": item}),
            "" if item["fits"] is None else "yes" if item["fits"] else "no",
        ]
        for item in items
    ]
    headings = ["size", "limits", f"fits {arguments.name}" if row else ""]
    table = Table(headings, rows, items, empty="")
    return Outcome(table, {"sizes": items, "machine": _machine(row) or None})


_KINDS = {
    "runtime": "runtime",
    "leftover": "ours, without a runtime",
    "elsewhere": "of another workspace",
    "foreign": "somebody else's container",
}


def _machine(item: dict[str, Any]) -> str:
    cpus, memory = item.get("cpus"), item.get("memory")
    parts = [f"{cpus:g} CPUs" if cpus else "", size(memory) if memory else ""]
    return ", ".join(part for part in parts if part)


def _shown(item: dict[str, Any]) -> Outcome:
    facts = [
        ("compute", item["name"]),
        ("engine", str(item["engine"])),
        ("owner", str(item.get("owner") or "everybody")),
        ("for", "everybody" if item.get("scope") == "workspace" else "its owner"),
        ("address", str(item.get("address") or "")),
        ("state", "answers" if item["reachable"] else "does not answer"),
        ("detail", str(item.get("detail") or "")),
        ("machine", _machine(item)),
        ("isolation", "isolates" if item["isolated"] else "does not isolate"),
        ("over TLS", "yes" if item.get("tls") else ""),
        ("signed in until", str(item.get("signed_in_until") or "")[:10]),
        ("certificate until", str(item.get("certificate_until") or "")[:10]),
        ("hint", str(item.get("hint") or "")),
    ]
    return Outcome(Facts([(key, text) for key, text in facts if text], item), item)


COMPUTE = noun(
    "compute",
    "the places where runtimes can live",
    [
        Verb("list", "list the computes, and whether each answers", _list),
        Verb(
            "add",
            "add a Docker or podman engine, here or over TLS",
            _add,
            (
                Argument("name", "what to call it", required=True),
                Argument(
                    "address",
                    "unix:///path or tcp://host:port",
                    metavar="ADDRESS",
                    required=True,
                ),
                _CERTIFICATES,
                Argument(
                    "--scope",
                    "for whom: yourself, or everybody in this workspace",
                    choices=("personal", "workspace"),
                    default="personal",
                ),
                _DAYS,
            ),
            examples=(
                "far tcp://build.example.org:2376 --certificates ~/certs",
                "pods unix:///run/podman/podman.sock",
            ),
        ),
        Verb("show", "show a compute and its machine", _show, (_NAME,)),
        Verb(
            "ps",
            "list what lives on a compute, also what others started",
            _ps,
            (_NAME,),
        ),
        Verb(
            "sizes",
            "list the sizes of runtimes, and which fit a compute's machine",
            _sizes,
            (Argument("name", "the compute", complete="compute"),),
        ),
        Verb(
            "check",
            "check sign-in, certificate, engine and leftovers of a compute",
            _check,
            (_NAME,),
        ),
        Verb(
            "auth",
            "sign in to a compute again, with its certificates or new ones",
            _auth,
            (_NAME, _CERTIFICATES, _DAYS),
        ),
        Verb(
            "remove",
            "forget a compute, after telling what goes with it",
            _remove,
            (_NAME, Argument("--yes", "do not ask", flag=True)),
            examples=("far --yes",),
        ),
    ],
)
