"""Cuts the text of a chat prompt into messages (flow-format section 2.7)."""

from __future__ import annotations

import ast
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from pf_jupyter.worker.execution.failures import FlowFailure
from pf_jupyter.worker.execution.llm.guard import ROLES, restore

_SEPARATOR = re.compile(
    rf"^\s*#?\s*({'|'.join(ROLES)})\s*:\s*\n", re.IGNORECASE | re.MULTILINE
)
_NAMED = re.compile(
    r"(?:\A|\n)\s*#{0,2}\s*name\s*:\s*\n+\s*(\S+)\s*\n"
    r"\s*#{0,2}\s*content\s*:[ \t]*\n?(.*)",
    re.DOTALL,
)
_ANSWERED = re.compile(
    r"(?:\A|\n)\s*#{0,2}\s*tool_call_id\s*:\s*\n+\s*(\S+)\s*\n"
    r"\s*#{0,2}\s*content\s*:[ \t]*\n?(.*)",
    re.DOTALL,
)
_CALLS = re.compile(r"(?:\A|\n)\s*#{0,2}\s*tool_calls\s*:\s*\n+\s*(\[.*\])", re.DOTALL)
_IMAGE = re.compile(r"Image\(([0-9a-f]{8})\)")


def chat_messages(
    text: str,
    hidden: Optional[Mapping[str, str]] = None,
    images: Sequence[Any] = (),
    detail: str = "auto",
) -> List[Dict[str, Any]]:
    """Return the messages of a chat prompt.

    Parameters
    ----------
    text
        The rendered prompt.
    hidden
        Words to put back, from :mod:`guard`.
    images
        Images that the text names by their ``str`` on lines of their own.
    detail
        How closely the model is to look at them: low, high or auto.

    Raises
    ------
    FlowFailure
        ChatAPIInvalidRole, ChatAPIFunctionRoleInvalidFormat or
        ChatAPIToolRoleInvalidFormat.
    """
    hidden = hidden or {}
    known = {str(image)[6:-1]: image for image in images}
    pieces = _SEPARATOR.split(text)
    before = restore(pieces[0], hidden).strip()
    if before:
        raise _invalid_role(before)
    return [
        _message(role.lower(), body, hidden, known, detail)
        for role, body in zip(pieces[1::2], pieces[2::2])
    ]


def _message(
    role: str,
    body: str,
    hidden: Mapping[str, str],
    images: Mapping[str, Any],
    detail: str,
) -> Dict[str, Any]:
    def content(part: str) -> Any:
        return _content(restore(part, hidden), images, detail)

    if role == "tool":
        answered = _ANSWERED.search(body)
        if answered is None:
            raise _invalid_format("ChatAPIToolRoleInvalidFormat", role, "tool_call_id")
        call = restore(answered.group(1), hidden)
        return {
            "role": role,
            "tool_call_id": call,
            "content": content(answered.group(2)),
        }
    if role == "assistant":
        calls = _tool_calls(restore(body, hidden))
        if calls is not None:
            return {"role": role, "tool_calls": calls}
    named = _NAMED.search(body)
    if named is not None:
        name = restore(named.group(1), hidden)
        return {"role": role, "name": name, "content": content(named.group(2))}
    if role == "function":
        raise _invalid_format("ChatAPIFunctionRoleInvalidFormat", role, "name")
    return {"role": role, "content": content(body)}


def _content(text: str, images: Mapping[str, Any], detail: str) -> Any:
    """Return text, or a list of parts where a line is an image."""
    if not images:
        return text.strip()
    parts: List[Dict[str, Any]] = []
    found = False
    for line in text.strip().split("\n"):
        named = _IMAGE.fullmatch(line.strip())
        if named is not None and named.group(1) in images:
            found = True
            image = images[named.group(1)]
            url = image.source_url or image.to_base64(with_type=True)
            shown = {"url": url, "detail": detail}
            parts.append({"type": "image_url", "image_url": shown})
        elif line.strip():
            parts.append({"type": "text", "text": line})
    return parts if found else text.strip()


def _tool_calls(body: str) -> Optional[List[Any]]:
    found = _CALLS.search(body)
    if found is None:
        return None
    try:
        calls = ast.literal_eval(found.group(1))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return calls if isinstance(calls, list) else None


def _invalid_role(text: str) -> FlowFailure:
    shown = text if len(text) <= 80 else text[:80] + "…"
    return FlowFailure(
        "ChatAPIInvalidRole",
        "the prompt of a chat model must begin with a line that is a role, such as "
        f"'system:' or 'user:'; it begins with {shown!r}",
        hint="put 'system:' or 'user:' on a line of its own above the text, or use "
        "'api: completion'",
    )


def _invalid_format(code: str, role: str, key: str) -> FlowFailure:
    return FlowFailure(
        code,
        f"what stands below '{role}:' must be '{key}:' and 'content:', each on a line "
        "of its own with its value below",
        hint=f"write {key}:\\n…\\ncontent:\\n… below '{role}:'",
    )
