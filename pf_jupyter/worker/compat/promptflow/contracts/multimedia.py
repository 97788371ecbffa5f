"""Images and annotated text."""

import base64
import hashlib

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)


def _guess(data):
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES if data.startswith(start)), None)


class PFBytes(bytes):
    """Bytes that know their type and where they come from."""

    def __new__(cls, value, *args, **kwargs):
        """Make the bytes."""
        return super().__new__(cls, value)

    def __init__(self, value, mime_type, source_url=None):
        self._mime_type = mime_type.lower()
        self._source_url = source_url
        self._hash = hashlib.sha1(value).hexdigest()[:8]

    @property
    def source_url(self):
        """Where the bytes were loaded from, or None."""
        return self._source_url

    def to_base64(self, with_type=False):
        """Return the bytes in base64, as a data URI when ``with_type`` is true."""
        text = base64.b64encode(self).decode("ascii")
        return f"data:{self._mime_type};base64,{text}" if with_type else text


class Image(PFBytes):
    """An image; equal to any other with the same bytes."""

    def __init__(self, value, mime_type=None, source_url=None):
        super().__init__(value, mime_type or _guess(value) or "image/*", source_url)

    def __repr__(self):
        return f"Image({self._hash})"

    __str__ = __repr__

    def serialize(self, encoder=None):
        """Return the image as ``encoder`` writes it, or its short text."""
        return str(self) if encoder is None else encoder(self)


class Text(str):
    """Text that may have annotations."""

    def __new__(cls, value, annotations=None):
        """Make the text."""
        made = super().__new__(cls, value)
        made._annotations = annotations
        return made

    @classmethod
    def deserialize(cls, data):
        """Make one from ``{"type": "text", "text": …}``."""
        text = data.get("text", "")
        if isinstance(text, dict):
            return cls(text.get("value", ""), text.get("annotations", []))
        return cls(text)

    def serialize(self):
        """Return the text as a mapping."""
        if self._annotations is None:
            return {"type": "text", "text": str(self)}
        annotated = {"value": str(self), "annotations": self._annotations}
        return {"type": "text", "text": annotated}
