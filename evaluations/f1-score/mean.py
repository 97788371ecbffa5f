from typing import List

from promptflow.core import log_metric, tool


@tool
def mean(scores: List[float]) -> int:
    if scores:
        log_metric("f1_score", sum(scores) / len(scores))
    return len(scores)
