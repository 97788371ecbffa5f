"""A tool that asks Azure AI Content Safety about a text."""

import json
from enum import Enum

from promptflow._core.tool import ToolProvider, tool
from promptflow.connections import AzureContentSafetyConnection
from promptflow.tools._http import Refused, fetch
from promptflow.tools.exception import (
    AzureContentSafetyInputValueError,
    AzureContentSafetySystemError,
)


class TextCategorySensitivity(str, Enum):
    """From which severity on a text is rejected."""

    DISABLE = "disable"
    LOW_SENSITIVITY = "low_sensitivity"
    MEDIUM_SENSITIVITY = "medium_sensitivity"
    HIGH_SENSITIVITY = "high_sensitivity"


_LIMITS = {
    TextCategorySensitivity.DISABLE: None,
    TextCategorySensitivity.LOW_SENSITIVITY: 6,
    TextCategorySensitivity.MEDIUM_SENSITIVITY: 4,
    TextCategorySensitivity.HIGH_SENSITIVITY: 2,
}
_MEDIUM = TextCategorySensitivity.MEDIUM_SENSITIVITY


class AzureContentSafety(ToolProvider):
    """Asks with one connection."""

    def __init__(self, connection: AzureContentSafetyConnection):
        super().__init__()
        self.connection = connection

    @tool
    def analyze_text(
        self,
        text: str,
        hate_category: TextCategorySensitivity = _MEDIUM,
        sexual_category: TextCategorySensitivity = _MEDIUM,
        self_harm_category: TextCategorySensitivity = _MEDIUM,
        violence_category: TextCategorySensitivity = _MEDIUM,
    ):
        """Judge a text; see `analyze_text` of this module."""
        return analyze_text(
            self.connection,
            text,
            hate_category,
            sexual_category,
            self_harm_category,
            violence_category,
        )


@tool
def analyze_text(
    connection: AzureContentSafetyConnection,
    text: str,
    hate_category: TextCategorySensitivity = _MEDIUM,
    sexual_category: TextCategorySensitivity = _MEDIUM,
    self_harm_category: TextCategorySensitivity = _MEDIUM,
    violence_category: TextCategorySensitivity = _MEDIUM,
):
    """Say whether a text is acceptable, as a whole and by category.

    Returns
    -------
    dict
        ``suggested_action`` and ``action_by_category``, each Accept or Reject.
    """
    wanted = {
        "Hate": hate_category,
        "Sexual": sexual_category,
        "SelfHarm": self_harm_category,
        "Violence": violence_category,
    }
    limits = {}
    for category, sensitivity in wanted.items():
        try:
            limits[category] = _LIMITS[TextCategorySensitivity(sensitivity)]
        except ValueError:
            raise AzureContentSafetyInputValueError(
                f"'{sensitivity}' is no sensitivity; there are "
                f"{', '.join(item.value for item in TextCategorySensitivity)}"
            ) from None
    found = _severities(connection, text)
    actions = {
        category: "Reject"
        if limit is not None and found.get(category.lower(), 0) >= limit
        else "Accept"
        for category, limit in limits.items()
    }
    whole = "Reject" if "Reject" in actions.values() else "Accept"
    return {"suggested_action": whole, "action_by_category": actions}


def _severities(connection, text):
    url = (
        f"{connection.endpoint.rstrip('/')}/contentsafety/text:analyze"
        f"?api-version={connection.api_version}"
    )
    headers = {"Ocp-Apim-Subscription-Key": connection.api_key}
    try:
        answer = json.loads(fetch(url, {"text": text}, headers))
    except Refused as error:
        raise AzureContentSafetySystemError(f"Content Safety: {error}") from None
    # The older form has a key for each category.
    listed = answer.get("categoriesAnalysis")
    if listed is None:
        listed = [item for item in answer.values() if isinstance(item, dict)]
    return {
        str(item.get("category", "")).lower(): int(item.get("severity") or 0)
        for item in listed
    }
