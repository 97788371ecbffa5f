from typing import List

from promptflow.core import log_metric, tool


@tool
def mean(scores: List[float]) -> int:
    if scores:
        log_metric("ada_similarity", sum(scores) / len(scores))
    return len(scores)
