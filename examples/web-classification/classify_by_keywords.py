import json
import re
from typing import Dict, List

from promptflow.core import tool

STOP_WORDS = frozenset("and are for from has the this was with you your https".split())
NONE = json.dumps({"category": "None", "evidence": "None"})


def _words(text):
    # "videos" and "video" count as one word.
    found = re.findall(r"[a-z]{3,}", text.lower())
    return {word.rstrip("s") for word in found if word not in STOP_WORDS}


@tool
def classify_by_keywords(
    url: str, text_content: str, examples: List[Dict[str, str]]
) -> str:
    """Score each category by shared words; a stand-in for a model's judgement."""
    text = _words(text_content)
    address = _words(url)
    best = None
    for example in examples:
        known = _words(example["text"]) | _words(example["category"])
        in_text, in_url = len(known & text), len(known & address)
        if best is None or in_text + 2 * in_url > best[0]:
            evidence = "Text content" if in_text >= 2 * in_url else "Url"
            best = (in_text + 2 * in_url, example["category"], evidence)
    if best is None or best[0] == 0:
        return NONE
    return json.dumps({"category": best[1], "evidence": best[2]})
