import re

from promptflow.core import tool


@tool
def score(reply: str) -> float:
    """Read the number out of what the model replied."""
    found = re.search(r"\d+(?:\.\d+)?", reply)
    if not found or not 1 <= float(found.group()) <= 5:
        raise ValueError(f"the model replied {reply!r}, no number from 1 to 5")
    return float(found.group())
