"""How figures and states read, the same in every face."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MARKS: Mapping[str, str] = {
    "NotStarted": "·",
    "Running": "●",
    "Completed": "✓",
    "Failed": "✗",
    "Bypassed": "–",
    "Canceled": "■",
    "Interrupted": "■",
    "pass": "✓",
    "warn": "!",
    "fail": "✗",
}

_ASCII = str.maketrans(
    {
        "✓": "ok",
        "✗": "x",
        "·": "-",
        "▸": ">",
        "●": "*",
        "■": "#",
        "…": "...",
        "→": "->",
        "×": "x",
        "–": "-",
        "—": "-",
        "│": "|",
        "─": "-",
        "┌": "+",
        "┐": "+",
        "└": "+",
        "┘": "+",
        "├": "+",
        "┤": "+",
        "┬": "+",
        "┴": "+",
        "┼": "+",
        "▼": "v",
        "▶": ">",
        "µ": "u",
    }
)


def to_ascii(text: str) -> str:
    """Replace our marks and lines by ASCII, for consoles without UTF-8."""
    return text.translate(_ASCII)


def seconds(value: float) -> str:
    """Return a time in seconds for people: ``0.4 s``, ``1 min 05 s``."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def milliseconds(value: float | None) -> str:
    """Return milliseconds for people: ``0.3 ms``, ``18 ms``, ``2.4 s``."""
    if value is None:
        return ""
    if value < 0.05:
        return "<0.1 ms"
    if value < 1:
        return f"{value:.1f} ms"
    if value < 1000:
        return f"{value:.0f} ms"
    return seconds(value / 1000)


def size(value: float | None) -> str:
    """Return a number of bytes for people: ``512 MB``, ``4 GB`` (powers of 1024)."""
    if value is None:
        return "–"
    units = ["TB", "GB", "MB", "kB", "B"]
    while abs(value) >= 1024 and len(units) > 1:
        value /= 1024
        units.pop()
    unit = units[-1]
    number = f"{value:.1f}".rstrip("0").rstrip(".")
    return f"{number} {unit}"


def plural(count: int, word: str) -> str:
    """Return ``1 problem``, ``2 problems``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def listed(words: Sequence[str], joiner: str = "or") -> str:
    """Return ``a, b or c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {joiner} {words[-1]}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant."""
    import difflib

    found = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.55)
    return found[0] if found else None


def shorten(text: str, width: int) -> str:
    """Return the text on one line of at most ``width`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: max(width - 1, 0)] + "…"


def columns(rows: Sequence[Sequence[str]], *, gap: str = "   ") -> list[str]:
    """Return rows as lines with aligned columns."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        gap.join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def engine_name(record: Mapping[str, Any]) -> str:
    """Return where a runtime lives: ``docker (this machine)``, ``process (…)``."""
    engine, compute = str(record.get("engine")), str(record.get("compute") or "")
    place = "this machine" if compute in ("", "local", engine) else compute
    if not record.get("isolated", True):
        place += ", does not isolate"
    return f"{engine} ({place})"


def environment_name(environment: Mapping[str, Any] | None) -> str:
    """Return ``default:1 @ 3f9c0d1e2b4a``."""
    if not environment:
        return "no environment yet"
    digest = str(environment.get("digest") or "").split(":", 1)[-1][:12]
    name = f"{environment.get('name')}:{environment.get('version')}"
    return f"{name} @ {digest}" if digest else name


def limits_name(record: Mapping[str, Any]) -> str:
    """Return ``2 CPU, 4 GB, no privileges``, or what there is instead of these."""
    limits = record.get("limits") or {}
    words = []
    if limits.get("cpus"):
        words.append(f"{limits['cpus']:g} CPU")
    if limits.get("memory"):
        words.append(size(limits["memory"]))
    if record.get("profile") == "adopted":
        words.append("adopted")
    elif record.get("profile") == "writable":
        words.append("writable as root")
    elif record.get("isolated"):
        words.append("no privileges")
    if record.get("network") == "none":
        words.append("no network")
    return ", ".join(words)


def runtime_summary(record: Mapping[str, Any]) -> str:
    """Return a runtime in one line, as scene 1 shows it."""
    parts = [
        str(record["name"]),
        engine_name(record),
        environment_name(record.get("environment")),
        limits_name(record),
    ]
    return " · ".join(part for part in parts if part)
