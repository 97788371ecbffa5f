import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import List

from promptflow.core import tool

PAGES = Path(__file__).parent / "pages"


class _Text(HTMLParser):
    """Collects what a reader sees; scripts, styles and the head's rest are left out."""

    HIDDEN = ("script", "style", "nav", "footer")

    def __init__(self) -> None:
        super().__init__()
        self.pieces: List[str] = []
        self.hidden = 0

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in self.HIDDEN

    def handle_endtag(self, tag):
        self.hidden -= tag in self.HIDDEN

    def handle_data(self, data):
        text = re.sub(r"\s+", " ", data).strip()
        if text and not self.hidden:
            self.pieces.append(text)


@tool
def fetch_text_content_from_url(fetch_url: str) -> str:
    # The pages are bundled: the example works without a network.
    index = json.loads((PAGES / "index.json").read_text(encoding="utf-8"))
    if fetch_url not in index:
        raise ValueError(f"no bundled page for {fetch_url}; try {sorted(index)[0]}")
    parser = _Text()
    parser.feed((PAGES / index[fetch_url]).read_text(encoding="utf-8"))
    return "\n".join(parser.pieces)[:2000]
