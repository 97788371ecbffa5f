import re
from collections import Counter

from promptflow.core import tool

STOP_WORDS = frozenset(
    "a an and are as at be by for from has have in is it its of on or that the this "
    "to was we were will with you your i my me our".split()
)


@tool
def summarize_text_content(text: str, sentences: int = 4) -> str:
    """Pick the sentences whose words are the most frequent, in their own order."""
    parts = [part.strip() for part in re.split(r"(?<=[.!?])\s+|\n+", text)]
    parts = [part for part in parts if part]

    def words(part):
        found = re.findall(r"[a-z]+", part.lower())
        return [word for word in found if word not in STOP_WORDS]

    frequency = Counter(word for part in parts for word in words(part))

    def weight(index):
        kept = words(parts[index])
        return sum(frequency[word] for word in kept) / (len(kept) + 3)

    best = sorted(range(len(parts)), key=lambda index: (-weight(index), index))
    return " ".join(parts[index] for index in sorted(best[:sentences]))
