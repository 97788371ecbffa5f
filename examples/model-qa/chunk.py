import re
from pathlib import Path
from typing import Any, Dict, List

from promptflow.core import tool


@tool
def chunk(document: str) -> List[Dict[str, Any]]:
    """Cut a Markdown document at its headings and paragraphs, keeping line numbers."""
    chunks: List[Dict[str, Any]] = []
    title = document
    text = (Path(__file__).parent / document).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        heading = re.match(r"#+\s+(.*)", line)
        if heading:
            title = heading.group(1)
        elif line.strip():
            chunks.append(
                {"source": f"{document}:{number}", "title": title, "text": line.strip()}
            )
    return chunks
