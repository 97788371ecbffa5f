import re
import string
from collections import Counter

from promptflow.core import tool

PUNCTUATION = str.maketrans("", "", string.punctuation)


def words(text: str) -> Counter:
    """Count the words of a text without case, punctuation and articles."""
    bare = text.lower().translate(PUNCTUATION)
    return Counter(re.sub(r"\b(?:the|an|a)\b", " ", bare).split())


@tool
def f1_score(answer: str, ground_truth: str) -> float:
    given, wanted = words(answer), words(ground_truth)
    shared = sum((given & wanted).values())
    if not shared:
        return 0.0
    precision = shared / sum(given.values())
    recall = shared / sum(wanted.values())
    return 2 * precision * recall / (precision + recall)
