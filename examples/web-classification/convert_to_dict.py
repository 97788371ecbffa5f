import json
from typing import Dict

from promptflow.core import tool


@tool
def convert_to_dict(input_str: str) -> Dict[str, str]:
    try:
        return json.loads(input_str)
    except ValueError:
        return {"category": "None", "evidence": "None"}
