from promptflow.core import tool


@tool
def grade(groundtruth: str, prediction: str) -> str:
    same = groundtruth.strip().casefold() == prediction.strip().casefold()
    return "Correct" if same else "Incorrect"
