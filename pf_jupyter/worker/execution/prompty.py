"""Prompty files: loads one, makes its messages, asks its model, forms the answer.

Rules: flow-format sections 3.2 and 9 items 10, 11 and 15. ``promptflow.core.Prompty``
of the compatible package is this class by another name.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict, Iterator, List, Mapping, Optional

from pf_jupyter.errors import PfError
from pf_jupyter.flow.front_matter import split_prompty
from pf_jupyter.flow.model import Node
from pf_jupyter.worker.execution.failures import FlowFailure, text_of
from pf_jupyter.worker.execution.images import ImageReader, is_image
from pf_jupyter.worker.execution.llm.calling import (
    attempt,
    chat_piece,
    llm_error,
    streamed,
    text_piece,
)
from pf_jupyter.worker.execution.llm.guard import guard
from pf_jupyter.worker.execution.llm.messages import chat_messages
from pf_jupyter.worker.execution.llm.options import calling_options
from pf_jupyter.worker.execution.prompts import compile_template, import_jinja2
from pf_jupyter.worker.execution.prompty_connection import (
    checked_configuration,
    connection_of,
)
from pf_jupyter.worker.execution.references import (
    read_file,
    read_yaml,
    resolve_references,
)

MAX_ATTEMPTS = 11
_IMAGE = re.compile(r"(data:image/[^;]+;(?:path|base64|url)):\s*(.*)", re.DOTALL)
_SHOWN = re.compile(r"!\[\s*image\s*\]\(\{\{\s*([^\s{}]+)\s*\}\}\)")
_CORE = ("UserError", "CoreError")


class PromptyFile:
    """A prompty file, loaded.

    Parameters
    ----------
    path
        The file.
    overrides
        What is taken instead of its settings, merged into them; most of all ``model``.

    Raises
    ------
    FlowFailure
        UserErrorException when it is no prompty or cannot be read,
        InvalidConnectionError when it names a connection and has settings of one.
    """

    def __init__(
        self, path: str, overrides: Optional[Mapping[str, Any]] = None
    ) -> None:
        self.path = os.path.abspath(path)
        self.folder = os.path.dirname(self.path)
        front, self.template, self.line = _read(self.path)
        settings = resolve_references(front, self.folder)
        extra = resolve_references(dict(overrides or {}), self.folder)
        self.settings: Dict[str, Any] = merged(settings, extra)
        stem = os.path.splitext(os.path.basename(self.path))[0]
        self.name = str(self.settings.get("name") or stem)
        self.outputs: Mapping[str, Any] = self.settings.get("outputs") or {}
        model = self.settings.get("model")
        self.model: Dict[str, Any] = model if isinstance(model, dict) else {}
        self.api = str(self.model.get("api") or "chat")
        if not isinstance(self.model.get("parameters"), dict):
            raise FlowFailure(
                "UserErrorException",
                f"'model' of '{os.path.basename(self.path)}' has no 'parameters'",
                hint="add 'parameters: {}'",
            )
        self._configuration = checked_configuration(self.model.get("configuration"))
        self._compiled: Any = None

    @property
    def sample(self) -> Dict[str, Any]:
        """The values for a call without any.

        Raises
        ------
        FlowFailure
            InvalidSampleError.
        """
        sample = self.settings.get("sample")
        if not sample:
            return {}
        if isinstance(sample, dict):
            return dict(sample)
        if isinstance(sample, str) and sample.endswith(".json"):
            name = sample[5:] if sample.startswith("file:") else sample
            found = read_file(name, self.folder)
            if isinstance(found, dict):
                return found
        raise FlowFailure(
            "InvalidSampleError",
            f"the sample of '{self.name}' is neither a mapping nor a JSON file",
            hint="write 'sample:' and below it a value for each input",
            codes=[*_CORE, "InvalidSampleError"],
        )

    def compiled(self) -> Any:
        """Return the prompt's template.

        Raises
        ------
        FlowFailure
            JinjaTemplateError with the line of the file.
        """
        if self._compiled is None:
            jinja2 = import_jinja2(Node(self.name, "prompt"), self.folder)
            text = self.template
            if self.api != "completion":
                text = _SHOWN.sub("\n{{\\1}}\n", text)
            try:
                self._compiled = compile_template(jinja2, text, self.path)
            except jinja2.TemplateSyntaxError as error:
                line = self.line + (error.lineno or 1)
                raise FlowFailure(
                    "JinjaTemplateError",
                    f"the prompt of '{self.name}' cannot be read: {text_of(error)}",
                    hint=f"correct line {line} of '{os.path.basename(self.path)}'",
                    file=os.path.basename(self.path),
                    line=line,
                ) from None
        return self._compiled

    def values(self, given: Mapping[str, Any]) -> Dict[str, Any]:
        """Return the prompt's variables: those declared, defaults filled, images made.

        Raises
        ------
        FlowFailure
            MissingRequiredInputError.
        """
        given = given or self.sample
        declared = self.settings.get("inputs") or {k: {} for k in self.sample}
        found: Dict[str, Any] = {}
        missing: List[str] = []
        for name, port in declared.items():
            if name in given:
                found[name] = given[name]
            elif isinstance(port, Mapping) and "default" in port:
                found[name] = port["default"]
            else:
                missing.append(name)
        if missing:
            raise FlowFailure(
                "MissingRequiredInputError",
                f"the prompty '{self.name}' needs {', '.join(map(repr, missing))}",
                hint=f"give {' '.join(f'{name}=…' for name in missing)}",
                codes=[*_CORE, "MissingRequiredInputError"],
            )
        return {name: self._with_image(value) for name, value in found.items()}

    def _with_image(self, value: Any) -> Any:
        match = _IMAGE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            return value
        return ImageReader(self.folder).load("object", {match.group(1): match.group(2)})

    def prompt(self, given: Mapping[str, Any]) -> Any:
        """Return the prompt: messages of a chat, text of a completion.

        Raises
        ------
        FlowFailure
            JinjaTemplateError, ChatAPIInvalidRoleError and its kin, and as `values`.
        """
        values = self.values(given)
        if self.api == "completion":
            return self._rendered(values)
        # Whatever is put into the prompt comes from outside of it.
        guarded, hidden = guard(values, values)
        try:
            return chat_messages(
                self._rendered(guarded), hidden, list(_images_in(list(values.values())))
            )
        except FlowFailure as failure:
            if failure.code != "ChatAPIInvalidRole":
                raise
            raise FlowFailure(
                "ChatAPIInvalidRoleError",
                failure.message,
                hint=failure.hint,
                codes=[*_CORE, "ChatAPIInvalidRoleError"],
            ) from None

    def _rendered(self, values: Mapping[str, Any]) -> str:
        template = self.compiled()
        try:
            return str(template.render(values))
        except Exception as error:
            raise FlowFailure(
                "JinjaTemplateError",
                f"the prompt of '{self.name}' cannot be rendered: "
                f"({type(error).__name__}) {text_of(error)}",
                hint="look at the values that the prompt's variables have",
                cause=error,
            ) from None

    def request(self, prompt: Any) -> Dict[str, Any]:
        """Return what is sent: what the file declares, and nothing else.

        Raises
        ------
        FlowFailure
            ChatAPIInvalidTools, ChatAPIInvalidFunctions.
        """
        request: Dict[str, Any] = dict(self.model["parameters"])
        for name in ("tools", "functions"):
            if name in request and not request[name]:
                code = f"ChatAPIInvalid{name.capitalize()}"
                raise FlowFailure(
                    code,
                    f"'{name}' of '{self.name}' is empty",
                    hint=f"describe one, or take '{name}' out",
                    codes=[*_CORE, code],
                )
        if "tools" in request or "functions" in request:
            request.update(calling_options(request))
        request["model"] = self.model_name
        request["prompt" if self.api == "completion" else "messages"] = prompt
        return request

    @property
    def model_name(self) -> Any:
        """The deployment or model that is asked."""
        found = self._configuration
        if isinstance(found, Mapping):
            return found.get("azure_deployment") or found.get("model")
        return getattr(found, "azure_deployment", None) or found.model

    def connection(self) -> Any:
        """Return the connection object to ask through.

        Raises
        ------
        FlowFailure
            ConnectionNotFoundError, UnknownConnectionType, LLMError when settings are
            missing.
        """
        return connection_of(self._configuration)

    def ask(self, given: Mapping[str, Any]) -> Any:
        """Ask the model and return its answer in the form that the file wants.

        Raises
        ------
        FlowFailure
            LLMError, InvalidOutputKeyError, the class of the service's error, and as
            `prompt`, `request` and `connection`.
        """
        try:
            request = self.request(self.prompt(given))
            connection = self.connection()
            answer = self._asked(connection, request)
            if not isinstance(answer, str) or not _wants_json(request):
                return answer
            return self._parsed(answer)
        except PfError:
            raise
        except Exception as error:
            raise llm_error(error) from None

    def _asked(self, connection: Any, request: Dict[str, Any]) -> Any:
        completion = self.api == "completion"
        whole = self.model.get("response") == "all"

        def once(client: Any, recording: Any) -> Any:
            service = client.completions if completion else client.chat.completions
            answer = service.create(**request)
            if request.get("stream"):
                if whole:
                    return answer
                piece = text_piece if completion else chat_piece
                texts = streamed(answer, recording, piece)
                return (text for text in texts if text)
            recording.answered(answer)
            choice = answer.choices[0]
            output = choice.text if completion else choice.message.content
            if choice.finish_reason in ("tool_calls", "function_calls"):
                output = choice.message.model_dump()
            recording.end(output)
            return answer if whole else output

        found = attempt(connection, self.api, request, once, MAX_ATTEMPTS)
        if isinstance(found, Iterator) and _wants_json(request):
            return "".join(found)
        return found

    def _parsed(self, text: str) -> Any:
        parsed = json.loads(text)
        if not self.outputs:
            return parsed
        for key in self.outputs:
            if key not in parsed:
                raise FlowFailure(
                    "InvalidOutputKeyError",
                    f"the model's answer has no '{key}', it has {', '.join(parsed)}",
                    hint=f"have the prompt say that '{key}' is wanted",
                    codes=[*_CORE, "InvalidOutputKeyError"],
                )
        return {key: parsed[key] for key in self.outputs}


def _wants_json(request: Mapping[str, Any]) -> bool:
    form = request.get("response_format")
    return isinstance(form, dict) and form.get("type") == "json_object"


def _images_in(value: Any) -> Iterator[Any]:
    if is_image(value):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _images_in(item)
    elif isinstance(value, dict):
        yield from _images_in(list(value.values()))


def _read(path: str) -> Any:
    """Return a file's settings, its prompt, and the line its prompt begins after."""
    name = os.path.basename(path)
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError:
        raise FlowFailure(
            "UserErrorException",
            f"the prompty '{name}' is not there",
            hint="paths count from the folder of the flow file",
        ) from None
    parts = split_prompty(text)
    if parts is None:
        raise FlowFailure(
            "UserErrorException",
            f"'{name}' is no prompty: it must begin with a YAML part between two lines "
            "of dashes",
            hint="put '---', the settings, and '---' above the prompt",
        )
    front, template, above = parts
    settings = read_yaml(front, name)
    if not isinstance(settings, dict):
        raise FlowFailure(
            "UserErrorException",
            f"the YAML part of '{name}' is no mapping",
            hint="begin with 'name:', 'model:' and 'inputs:'",
        )
    return settings, template, above + front.count("\n") + 1


def merged(settings: Any, overrides: Mapping[str, Any]) -> Dict[str, Any]:
    """Return settings with others put over them, mappings within mappings as well."""
    found: Dict[str, Any] = dict(settings) if isinstance(settings, dict) else {}
    for key, value in overrides.items():
        if isinstance(value, dict):
            value = merged(found.get(key), value)
        found[key] = value
    return found
