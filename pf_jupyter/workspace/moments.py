"""Reads when something ends, in the words and the time zone of whoever says it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from ..errors import UsageError

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_SPAN = re.compile(r"\+?(\d{1,5})\s*(m|min|h|d)")
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}


def read_moment(text: str) -> str:
    """Return when something ends, as records write it.

    Parameters
    ----------
    text
        ``18:00`` for today, ``2h`` from now, or an ISO date and time. Without a zone
        it is this machine's, with the summer time of that day.

    Raises
    ------
    UsageError
        It is no time, or has passed.
    """
    now = datetime.now().astimezone()
    words = text.strip()
    try:
        if clock := _CLOCK.fullmatch(words):
            here = now.replace(tzinfo=None, second=0, microsecond=0)
            found = here.replace(hour=int(clock[1]), minute=int(clock[2])).astimezone()
        elif span := _SPAN.fullmatch(words):
            found = now + timedelta(**{_UNITS[span[2]]: int(span[1])})
        else:
            found = datetime.fromisoformat(words).astimezone()
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"{text!r} is no time",
            code="bad_value",
            hint="write 18:00 for today, 2h from now, or 2026-12-31T18:00",
        ) from None
    if found <= now:
        raise UsageError(
            f"{text} has passed already",
            code="bad_value",
            hint="give a time to come, with its date if it is not today",
        )
    return found.astimezone(UTC).isoformat(timespec="microseconds")
