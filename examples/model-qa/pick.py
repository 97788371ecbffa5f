from typing import Any, Dict, List

from promptflow.core import tool


@tool
def pick(ranked: List[Dict[str, Any]], count: int = 1) -> List[Dict[str, Any]]:
    found = [piece for piece in ranked[:count] if piece["score"] > 0]
    nothing = {"source": "", "title": "", "text": "", "score": 0.0}
    return found or [nothing]
