"""What is wrong with data, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import UsageError


class DataInvalid(UsageError):
    """Data cannot be read (flow-format sections 4.1 and 9.25).

    Parameters
    ----------
    message
        What is wrong, without the place.
    file
        The file it stands in; None for rows from memory.
    line, column
        Where, both from 1; 0 when there is no such place.
    hint
        The way out.
    """

    code = "InvalidUserData"

    def __init__(
        self,
        message: str,
        *,
        file: Path | None = None,
        line: int = 0,
        column: int = 0,
        code: str | None = None,
        hint: str = "",
        details: dict[str, Any] | None = None,
    ) -> None:
        place = file.name if file else ""
        if place and line:
            place += f":{line}" + (f":{column}" if column else "")
        found = {"file": str(file) if file else "", "line": line, "column": column}
        super().__init__(
            f"{place}: {message}" if place else message,
            code=code,
            hint=hint,
            details={**found, **(details or {})},
        )


BOMS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def wrong_encoding(file: Path) -> DataInvalid:
    """Return the error for a file that is not UTF-8, with the place of its first byte.

    Looked for only after reading it as UTF-8 failed, so that reading stays fast.
    """
    with file.open("rb") as stream:
        head = stream.read(4)
        for mark, name in BOMS:
            if head.startswith(mark):
                return DataInvalid(
                    f"the file is {name}, data must be UTF-8",
                    file=file,
                    line=1,
                    column=1,
                    hint="save it as UTF-8; in Python: "
                    f"text = open(…, encoding={name.lower()!r}).read()",
                )
        stream.seek(0)
        for number, line in enumerate(stream, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                before = line[: error.start].decode("utf-8")
                byte = line[error.start]
                return DataInvalid(
                    f"byte 0x{byte:02x} is not UTF-8",
                    file=file,
                    line=number,
                    column=len(before) + 1,
                    hint="save the file as UTF-8; it may be in the encoding of Windows"
                    f" (cp1252), where this byte is {_in_windows(byte)!r}",
                )
    return DataInvalid("the file is not UTF-8", file=file, hint="save it as UTF-8")


def _in_windows(byte: int) -> str:
    return bytes([byte]).decode("cp1252", "replace")
