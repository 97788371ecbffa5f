import math
import re
from collections import Counter
from typing import Any, Dict, List

from promptflow.core import tool

STOP_WORDS = frozenset(
    "a an and are as at be by can do does for from how i if in is it its may me my of "
    "on or the there this to what when where which who will with you your".split()
)
K1, B = 1.5, 0.75


def _terms(text: str) -> List[str]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return [word.rstrip("s") for word in words if word not in STOP_WORDS]


@tool
def rank(question: str, chunks: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Order chunks by BM25: rare words of the question count most."""
    documents = [Counter(_terms(c["title"] + " " + c["text"])) for c in chunks]
    lengths = [sum(document.values()) for document in documents]
    average = sum(lengths) / len(lengths)
    ranked = []
    for piece, document, length in zip(chunks, documents, lengths):
        score = 0.0
        for term in set(_terms(question)):
            holding = sum(term in other for other in documents)
            rarity = math.log(1 + (len(chunks) - holding + 0.5) / (holding + 0.5))
            count = document[term]
            norm = count + K1 * (1 - B + B * length / average)
            score += rarity * count * (K1 + 1) / norm
        ranked.append({**piece, "score": round(score, 3)})
    return sorted(ranked, key=lambda piece: -piece["score"])
