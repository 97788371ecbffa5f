"""Writes the TypeScript types of the server's answers from its OpenAPI document.

python scripts/api_types.py            writes labextension/src/api-types.ts
python scripts/api_types.py --check    exits with 1 when that file is out of date
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "labextension" / "src" / "api-types.ts"
_HEAD = """\
// Made from the server's OpenAPI document by scripts/api_types.py: do not edit.
"""
_SIMPLE = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def typescript(document: Mapping[str, Any]) -> str:
    """Return the text of a module with an exported type for each schema."""
    schemas = document["components"]["schemas"]
    return _HEAD + "".join(
        _declaration(name, schemas[name]) for name in sorted(schemas)
    )


def _declaration(name: str, schema: Mapping[str, Any]) -> str:
    doc = schema.get("description", "").strip().replace("*/", "* /")
    lines = [line.strip() for line in doc.splitlines()]
    comment = "".join(f" *{' ' if line else ''}{line}\n" for line in lines)
    head = f"\n/**\n{comment} */\n" if doc else "\n"
    if "properties" in schema or schema.get("type") == "object":
        if not schema.get("properties"):
            return f"{head}export type {name} = {_type(schema)};\n"
        return f"{head}export interface {name} {_fields(schema, '')}\n"
    return f"{head}export type {name} = {_type(schema)};\n"


def _fields(schema: Mapping[str, Any], indent: str) -> str:
    required = set(schema.get("required", ()))
    lines = []
    for name, part in schema["properties"].items():
        key = name if re.fullmatch(r"[A-Za-z_]\w*", name) else json.dumps(name)
        mark = "" if name in required else "?"
        lines.append(f"{indent}  {key}{mark}: {_type(part, indent + '  ')};\n")
    return "{\n" + "".join(lines) + indent + "}"


def _type(schema: Any, indent: str = "") -> str:
    if not isinstance(schema, Mapping):
        return "unknown"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            kinds = dict.fromkeys(_type(part, indent) for part in schema[several])
            return " | ".join(kinds)
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_type({**schema, "type": one}, indent) for one in kind)
    if kind == "array":
        inner = _type(schema.get("items"), indent)
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if kind == "object":
        if schema.get("properties"):
            return _fields(schema, indent)
        return f"Record<string, {_type(schema.get('additionalProperties'), indent)}>"
    return _SIMPLE.get(str(kind), "unknown")


def main() -> int:
    """Write the file, or compare it."""
    sys.path.insert(0, str(ROOT))
    from pf_jupyter.server.document import document
    from pf_jupyter.server.verbs import load_all

    load_all()
    text = typescript(document())
    if "--check" in sys.argv[1:]:
        return 0 if FILE.is_file() and FILE.read_text(encoding="utf-8") == text else 1
    FILE.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
