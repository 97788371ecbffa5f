"""Plain HTTP for tools whose services have no protocol of their own."""

import json
import urllib.error
import urllib.request


class Refused(Exception):
    """A service answered with an error, or not at all (``status`` 0)."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def fetch(url, body=None, headers=None, timeout=120):
    """Return the body of an answer as text; POST when there is a body.

    Raises
    ------
    Refused
        With the service's own message where it gives one.
    """
    data = None if body is None else json.dumps(body).encode("utf-8")
    request = urllib.request.Request(url, data=data, headers=dict(headers or {}))
    if data is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.read().decode("utf-8")
    except urllib.error.HTTPError as error:
        raise Refused(error.code, _message(error)) from None
    except OSError as error:
        raise Refused(0, f"the service cannot be reached: {error}") from None


def _message(error):
    text = error.read().decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except ValueError:
        return text or str(error.reason)
    found = body.get("error", body) if isinstance(body, dict) else body
    return str(found.get("message", found) if isinstance(found, dict) else found)
