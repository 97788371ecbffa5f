import time
from typing import Iterator

from promptflow.core import tool


@tool
def speak(text: str, pause: float = 0.0) -> Iterator[str]:
    for number, word in enumerate(text.split()):
        time.sleep(pause)
        yield word if number == 0 else " " + word
