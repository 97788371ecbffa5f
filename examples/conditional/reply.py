from promptflow.core import tool


@tool
def reply(complaint: str = "", thanks: str = "") -> str:
    # The branch that was bypassed leaves its default.
    return (complaint or thanks).strip() + "\n\nLinden Street Library"
