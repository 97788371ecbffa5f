from typing import Any, Dict

from promptflow.core import tool

# What one unit is in the base unit of its kind.
FACTORS = {
    "km": ("length", 1.0),
    "mile": ("length", 1.609344),
    "kg": ("mass", 1.0),
    "pound": ("mass", 0.45359237),
}
TEMPERATURES = ("celsius", "fahrenheit")
HELP = "Ask me for example: 10 km in miles. Then: and 25? Or: and back?"


def _convert(amount: float, source: str, target: str):
    if source == target:
        return amount
    if source in TEMPERATURES and target in TEMPERATURES:
        if target == "celsius":
            return (amount - 32) * 5 / 9
        return amount * 9 / 5 + 32
    if source not in FACTORS or target not in FACTORS:
        return None
    kind, size = FACTORS[source]
    other_kind, other_size = FACTORS[target]
    return amount * size / other_size if kind == other_kind else None


@tool
def answer(request: Dict[str, Any]) -> str:
    amount, source, target = (request[key] for key in ("amount", "source", "target"))
    if amount is None or source is None or target is None:
        return HELP
    result = _convert(amount, source, target)
    if result is None:
        return f"I cannot turn {source} into {target}."
    return f"{amount:g} {source} = {round(result, 2):g} {target}"
