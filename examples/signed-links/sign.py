import hashlib
import hmac

from promptflow.connections import CustomConnection
from promptflow.core import tool


@tool
def sign(service: CustomConnection, path: str) -> str:
    """Return a link that nobody can make who does not have the key."""
    key = service.secrets["key"].encode()
    signature = hmac.new(key, path.encode(), hashlib.sha256).hexdigest()[:16]
    return f"{service.configs['site']}{path}?signature={signature}"
