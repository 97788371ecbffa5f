import math
from typing import List

from promptflow.core import tool


@tool
def similarity(first: List[float], second: List[float]) -> float:
    """Return the cosine of the angle between two vectors."""
    lengths = math.hypot(*first) * math.hypot(*second)
    if not lengths:
        raise ValueError("a text has an empty vector, so it is similar to nothing")
    return math.fsum(a * b for a, b in zip(first, second)) / lengths
