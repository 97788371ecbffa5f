from typing import Dict

from promptflow.core import tool


@tool
def gather(weather: str, trains: str, museums: str) -> Dict[str, str]:
    return {"weather": weather, "trains": trains, "museums": museums}
