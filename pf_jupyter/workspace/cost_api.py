"""What calls of models cost, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_SMALL = 0.1


def cost_text(cost: Mapping[str, Any] | None) -> str:
    """Return ``$0.19``, ``12.00 CHF``; empty where nothing is known.

    Parameters
    ----------
    cost
        ``{"amount", "currency", "without_price"}`` of a batch run.
    """
    if not cost:
        return ""
    amount = float(cost["amount"])
    number = f"{amount:.2f}" if amount >= _SMALL or not amount else f"{amount:.2g}"
    sign = _SIGNS.get(str(cost["currency"]))
    text = f"{sign}{number}" if sign else f"{number} {cost['currency']}"
    without = cost.get("without_price") or {}
    if without:
        text += f" (no price of {', '.join(without)})"
    return text
