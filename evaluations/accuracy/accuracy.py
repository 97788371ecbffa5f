from typing import List

from promptflow.core import log_metric, tool


@tool
def accuracy(grades: List[str]) -> int:
    correct = sum(grade == "Correct" for grade in grades)
    if grades:
        log_metric("accuracy", correct / len(grades))
    return correct
