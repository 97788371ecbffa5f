from collections import Counter
from typing import Any, Dict, List

from promptflow.core import log_metric, tool


@tool
def accuracy(grades: List[str], groundtruths: List[str]) -> Dict[str, Any]:
    correct = Counter()
    total = Counter()
    for grade, groundtruth in zip(grades, groundtruths):
        total[groundtruth] += 1
        correct[groundtruth] += grade == "Correct"
    log_metric("accuracy", round(sum(correct.values()) / len(grades), 4))
    log_metric("lines", len(grades))
    return {name: round(correct[name] / total[name], 4) for name in sorted(total)}
