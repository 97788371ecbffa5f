"""Explains a term; the entry of a flex flow is a class."""

import csv
import difflib
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Explanation:
    """What the flow gives: each field is an output."""

    term: str
    text: str
    sure: bool


class Glossary:
    """Reads the terms once; each line of a run calls the object."""

    def __init__(self, style: str = "full"):
        self.style = style
        path = Path(__file__).with_name("terms.csv")
        with path.open(encoding="utf-8", newline="") as file:
            self.terms = {row["term"]: row for row in csv.DictReader(file)}

    def __call__(self, term: str) -> Explanation:
        wanted = term.strip().lower()
        near = difflib.get_close_matches(wanted, self.terms, 1, 0.6)
        if not near:
            return Explanation(term, "not in this glossary", False)
        row = self.terms[near[0]]
        text = row["text"] if self.style == "full" else row["text"].split(",")[0]
        return Explanation(near[0], text, near[0] == wanted)

    def __aggregate__(self, lines: list):
        """Say over all lines of a batch how many terms were known as written."""
        return {"known": sum(line["sure"] for line in map(_fields, lines)) / len(lines)}


def _fields(line):
    return line if isinstance(line, dict) else vars(line)
