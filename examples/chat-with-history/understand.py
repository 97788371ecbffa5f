import re
from typing import Any, Dict, List

from promptflow.core import tool

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
UNITS = {
    "km": "km",
    "kilometre": "km",
    "kilometer": "km",
    "mile": "mile",
    "kg": "kg",
    "kilo": "kg",
    "pound": "pound",
    "lb": "pound",
    "celsius": "celsius",
    "fahrenheit": "fahrenheit",
}


def _parse(text: str) -> Dict[str, Any]:
    words = re.findall(r"[a-z]+", text.lower())
    units = [UNITS[w.rstrip("s")] for w in words if w.rstrip("s") in UNITS]
    units += [UNITS[w] for w in words if w in UNITS and w.rstrip("s") not in UNITS]
    number = NUMBER.search(text)
    return {
        "amount": float(number.group()) if number else None,
        "source": units[0] if len(units) > 1 else None,
        "target": units[-1] if units else None,
        "backwards": "back" in words or "reverse" in words,
    }


@tool
def understand(question: str, chat_history: List[Dict[str, Any]]) -> Dict[str, Any]:
    """Fill what the question leaves out from the turns before it, newest first."""
    request = _parse(question)
    for turn in reversed(chat_history):
        earlier = _parse(turn["inputs"]["question"])
        for key in ("amount", "source", "target"):
            if request[key] is None:
                request[key] = earlier[key]
    if request["backwards"]:
        request["source"], request["target"] = request["target"], request["source"]
    request["turn"] = len(chat_history) + 1
    return request
