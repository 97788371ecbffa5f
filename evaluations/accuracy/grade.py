from promptflow.core import tool


@tool
def grade(groundtruth: str, prediction: str) -> str:
    same = prediction.lower() == groundtruth.lower()
    return "Correct" if same else "Incorrect"
