"""What `flow init` writes: a small flow of each type that works as it is."""

from __future__ import annotations

from collections.abc import Mapping

_STANDARD = {
    "flow.dag.yaml": """\
inputs:
  text:
    type: string
    default: a quick brown fox
outputs:
  summary:
    type: string
    reference: ${report.output}
nodes:
- name: measure
  type: python
  source:
    type: code
    path: measure.py
  inputs:
    text: ${inputs.text}
- name: report
  type: prompt
  source:
    type: code
    path: report.jinja2
  inputs:
    text: ${inputs.text}
    words: ${measure.output.words}
    letters: ${measure.output.letters}
""",
    "measure.py": '''\
from promptflow.core import tool


@tool
def measure(text: str) -> dict:
    """Count the words and letters of a text."""
    return {"words": len(text.split()), "letters": sum(map(str.isalpha, text))}
''',
    "report.jinja2": """\
"{{ text }}" has {{ words }} words and {{ letters }} letters.
""",
    "data.jsonl": """\
{"text": "a quick brown fox"}
{"text": "jumps over the lazy dog"}
""",
}

_CHAT = {
    "flow.dag.yaml": """\
inputs:
  chat_history:
    type: list
    default: []
    is_chat_history: true
  question:
    type: string
    default: What can you do?
    is_chat_input: true
outputs:
  answer:
    type: string
    reference: ${answer.output}
    is_chat_output: true
nodes:
- name: answer
  type: python
  source:
    type: code
    path: answer.py
  inputs:
    question: ${inputs.question}
    chat_history: ${inputs.chat_history}
""",
    "answer.py": '''\
from promptflow.core import tool


@tool
def answer(question: str, chat_history: list) -> str:
    """Answer without a model: replace this by a call to yours."""
    turn = len(chat_history) + 1
    if chat_history:
        last = chat_history[-1]["inputs"]["question"]
        return f"Turn {turn}. You asked '{last}' before, and now '{question}'."
    return f"Turn {turn}. You asked '{question}'."
''',
    "data.jsonl": """\
{"question": "What can you do?"}
{"question": "And what did I ask?"}
""",
}

_EVALUATION = {
    "flow.dag.yaml": """\
inputs:
  answer:
    type: string
    default: Paris
  truth:
    type: string
    default: paris
outputs:
  grade:
    type: string
    reference: ${grade.output}
nodes:
- name: grade
  type: python
  source:
    type: code
    path: grade.py
  inputs:
    answer: ${inputs.answer}
    truth: ${inputs.truth}
- name: accuracy
  type: python
  source:
    type: code
    path: accuracy.py
  inputs:
    grades: ${grade.output}
  aggregation: true
""",
    "grade.py": '''\
from promptflow.core import tool


@tool
def grade(answer: str, truth: str) -> str:
    """Compare an answer with the truth, letter case aside."""
    same = answer.strip().lower() == truth.strip().lower()
    return "Correct" if same else "Incorrect"
''',
    "accuracy.py": '''\
from promptflow.core import log_metric, tool


@tool
def accuracy(grades: list) -> float:
    """Return the share of correct answers over all lines."""
    value = grades.count("Correct") / len(grades) if grades else 0.0
    log_metric("accuracy", value)
    return value
''',
    "data.jsonl": """\
{"answer": "Paris", "truth": "paris"}
{"answer": "Rome", "truth": "Paris"}
""",
}

STARTERS: Mapping[str, Mapping[str, str]] = {
    "standard": _STANDARD,
    "chat": _CHAT,
    "evaluation": _EVALUATION,
}
