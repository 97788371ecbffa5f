"""Values that connections use."""


class ConnectionAuthMode:
    """Ways to authenticate."""

    KEY = "key"
    MEID_TOKEN = "meid_token"


class ConnectionDefaultApiVersion:
    """API versions of connections that name none."""

    AZURE_OPEN_AI = "2024-02-01"
    COGNITIVE_SEARCH = "2023-11-01"
    AZURE_CONTENT_SAFETY = "2023-10-01"
    FORM_RECOGNIZER = "2023-07-31"
