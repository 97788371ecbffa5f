import re
from typing import Any, Dict

from promptflow.core import tool

# A word list stands in for a model here: it is fast, offline, and easily fooled.
COMPLAINT_WORDS = {
    "broken",
    "damaged",
    "refund",
    "money",
    "late",
    "missing",
    "wrong",
    "never",
}


@tool
def triage(message: str) -> Dict[str, Any]:
    words = re.findall(r"[a-z]+", message.lower())
    found = sorted(COMPLAINT_WORDS.intersection(words))
    return {
        "is_complaint": bool(found),
        "topic": "complaint" if found else "feedback",
        "words": found,
    }
