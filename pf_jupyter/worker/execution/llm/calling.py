"""Calls models: attempts, waits, answers, streams (flow-format section 2.7)."""

from __future__ import annotations

import email.utils
import random
import sys
import time
from typing import Any, Callable, Dict, Iterator, Mapping, Optional

from pf_jupyter.worker.execution import limits
from pf_jupyter.worker.execution.failures import FlowFailure, text_of
from pf_jupyter.worker.execution.llm.clients import PROVIDERS, client_for, import_openai
from pf_jupyter.worker.execution.llm.options import gives_message
from pf_jupyter.worker.execution.model_calls import Recording

MAX_ATTEMPTS = 100
MAX_UNPROCESSABLE = 3
_LONGEST_WAIT = 60.0
_DROPPED = ("RemoteProtocolError", "ReadError", "WriteError", "ConnectionResetError")


def complete_chat(connection: Any, request: Dict[str, Any]) -> Any:
    """Call a chat model.

    Parameters
    ----------
    connection
        A connection object.
    request
        Options with ``messages``, as :mod:`options` makes them.

    Returns
    -------
    str, None, dict or iterator
        The text; the whole message when tools or functions were given; an iterator of
        texts for a stream.

    Raises
    ------
    FlowFailure
        LLMError, or the class of the service's error under OpenAIError.
    """

    def ask(client: Any, recording: Recording) -> Any:
        answer = client.chat.completions.create(**request)
        if request.get("stream"):
            return streamed(answer, recording, chat_piece)
        recording.answered(answer)
        message = answer.choices[0].message
        output = message.content
        if gives_message(request):
            output = message.model_dump()
        recording.end(output)
        return output

    result = attempt(connection, "chat", request, ask)
    if request.get("stream") and "functions" in request:
        raise FlowFailure(
            "FunctionCallNotSupportedInStreamMode",
            "functions cannot be called while an answer is streamed",
            hint="set 'stream: false', or use 'tools'",
        )
    return result


def complete_text(connection: Any, request: Dict[str, Any]) -> Any:
    """Call a completion model; as `complete_chat`, with ``prompt`` in the request."""

    def ask(client: Any, recording: Recording) -> Any:
        answer = client.completions.create(**request)
        if request.get("stream"):
            return streamed(answer, recording, text_piece)
        recording.answered(answer)
        text = answer.choices[0].text
        recording.end(text)
        return text

    return attempt(connection, "completion", request, ask)


def embed(connection: Any, request: Dict[str, Any]) -> Any:
    """Return the vector of a text; raises as `complete_chat`."""

    def ask(client: Any, recording: Recording) -> Any:
        answer = client.embeddings.create(**request)
        recording.answered(answer)
        vector = answer.data[0].embedding
        recording.end(None)
        return vector

    return attempt(connection, "embedding", request, ask)


def llm_error(error: BaseException) -> FlowFailure:
    """Return what an exception that is not of the service means."""
    return FlowFailure(
        "LLMError",
        f"OpenAI API hits exception: {type(error).__name__}: {text_of(error)}",
        hint="look at the options of the node",
        cause=error,
    )


def attempt(
    connection: Any,
    api: str,
    request: Mapping[str, Any],
    ask: Callable[[Any, Recording], Any],
    attempts: int = MAX_ATTEMPTS,
) -> Any:
    """Ask a service as often as it takes.

    Parameters
    ----------
    connection
        A connection object.
    api, request
        What is asked, for the record of the call.
    ask
        Does it once, with a client and the record.
    attempts
        How often at most.

    Raises
    ------
    FlowFailure
        As `complete_chat`.
    """
    openai = import_openai()
    provider = PROVIDERS.get(type(connection).__name__, "")
    recording = Recording(provider, api, request.get("model", ""), request)
    unprocessable = 0
    while True:
        try:
            return ask(client_for(connection), recording)
        except FlowFailure as failure:
            recording.fail(failure, text_of(failure))
            raise
        except openai.APIError as error:
            if isinstance(error, openai.UnprocessableEntityError):
                unprocessable += 1
            wait = _wait_before(
                openai, error, recording.call.retries, unprocessable, attempts
            )
            if wait is None:
                recording.fail(error, text_of(error))
                raise _service_failure(openai, connection, error) from None
            _check_time(openai, connection, recording, error, wait)
            recording.call.retries += 1
            sys.stderr.write(
                f"{type(error).__name__}: {_short(error)}; attempt "
                f"{recording.call.retries + 1} follows in {wait:g} s\n"
            )
            time.sleep(wait)
        except Exception as error:
            recording.fail(error, text_of(error))
            raise llm_error(error) from None


def _wait_before(
    openai: Any, error: Any, failed: int, unprocessable: int, attempts: int
) -> Optional[float]:
    """Return the seconds to wait for the next attempt, None to give up."""
    if failed + 1 >= attempts or not _is_passing(openai, error):
        return None
    if unprocessable >= MAX_UNPROCESSABLE:
        return None
    asked = _retry_after(error)
    if asked is not None:
        return asked
    pause: float = 3 + 2 ** min(failed, 10) - 1
    return min(_LONGEST_WAIT, pause) + random.random() * 0.1


def _is_passing(openai: Any, error: Any) -> bool:
    if isinstance(error, openai.APITimeoutError):
        return True
    if isinstance(error, openai.APIConnectionError):
        # A wrong address stays wrong; a connection that broke may be made again.
        causes = (error.__cause__, getattr(error.__cause__, "__cause__", None))
        return any(type(cause).__name__ in _DROPPED for cause in causes)
    if isinstance(error, openai.RateLimitError):
        return "insufficient_quota" not in (error.type, error.code)
    status = getattr(error, "status_code", 0)
    return status >= 500 or isinstance(error, openai.UnprocessableEntityError)


def _retry_after(error: Any) -> Optional[float]:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    milliseconds, value = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if milliseconds is not None:
            return max(0.0, float(milliseconds) / 1000)
        if value is not None:
            return max(0.0, float(value))
    except ValueError:
        date = email.utils.parsedate_tz(value or "")
        if date is not None:
            return max(0.0, email.utils.mktime_tz(date) - time.time())
    return None


def _check_time(
    openai: Any, connection: Any, recording: Recording, error: Any, wait: float
) -> None:
    """Give up now when the run's time would be over before the next attempt."""
    left = limits.seconds_left()
    if left is None or wait < left:
        return
    recording.fail(error, text_of(error))
    failure = _service_failure(openai, connection, error)
    failure.hint = (
        f"the next attempt would be in {wait:.0f} s, and the run's time limit leaves "
        f"{left:.0f} s: raise the limit"
    )
    raise failure from None


def _service_failure(openai: Any, connection: Any, error: Any) -> FlowFailure:
    name = type(error).__name__
    connected = getattr(connection, "name", None) or type(connection).__name__
    if isinstance(error, openai.AuthenticationError):
        hint = f"the key is not accepted: %pfconnection show {connected}"
    elif isinstance(error, openai.NotFoundError):
        hint = (
            "the service does not know that model, deployment or address: compare the "
            f"node with %pfconnection show {connected}"
        )
    elif isinstance(error, openai.APIConnectionError):
        hint = (
            f"the service cannot be reached: look at the address of '{connected}', and "
            "whether the runtime has a network (%pfruntime show)"
        )
    elif isinstance(error, openai.RateLimitError):
        hint = "the quota of the account is used up, or too much is asked at once"
    elif isinstance(error, openai.BadRequestError):
        hint = "the service refused the request: look at the options of the node"
    else:
        hint = "ask again later, or look at the service's own status"
    cause = error.__cause__
    detail = f" ({text_of(cause)})" if cause is not None and text_of(cause) else ""
    return FlowFailure(
        name,
        f"OpenAI API hits {name}: {_short(error)}{detail}",
        hint=hint,
        codes=["UserError", "OpenAIError", name],
        cause=error,
    )


def _short(error: Any) -> str:
    """Return the service's own sentence rather than the whole body of the answer."""
    status, body = getattr(error, "status_code", None), getattr(error, "body", None)
    if status and isinstance(body, dict) and body.get("message"):
        return f"Error code: {status} - {body['message']}"
    return text_of(error)


def streamed(
    answer: Any, recording: Recording, piece: Callable[[Any], str]
) -> Iterator[str]:
    """Yield the texts of a stream while they arrive."""
    texts = []
    try:
        for chunk in answer:
            recording.answered(chunk)
            if not chunk.choices:
                continue
            text = piece(chunk)
            if text:
                recording.first_token()
                texts.append(text)
            yield text
    except Exception as error:
        recording.fail(error, text_of(error))
        raise
    finally:
        recording.end("".join(texts))


def chat_piece(chunk: Any) -> str:
    """Return the text of a chunk of a chat."""
    delta = chunk.choices[0].delta
    return getattr(delta, "content", None) or ""


def text_piece(chunk: Any) -> str:
    """Return the text of a chunk of a completion."""
    return chunk.choices[0].text or ""
