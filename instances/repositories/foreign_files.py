"""What a file is that should hold weights and does not: told by its first bytes, never by running it."""

from __future__ import annotations

import codecs

START_BYTES = 1024
"""First bytes of a file that `foreign_kind` looks at."""

_POINTER = b"version https://git-lfs.github.com/spec/"
_CONVERT = "convert the model with safetensors.torch.save_file"
_DOWNLOAD = "download the file itself: the hub's address with /resolve/ instead of /blob/"

_STARTS: tuple[tuple[bytes, str, str], ...] = (
    (
        _POINTER,
        "a pointer of Git LFS to weights that were not downloaded",
        "run git lfs pull in its repository",
    ),
    (b"GGUF", "a GGUF file (llama.cpp)", "take the safetensors files of the same model"),
    (b"PK\x03\x04", "a zip archive, such as PyTorch's save writes", _CONVERT),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "take the safetensors files of the same model"),
    (b"\x93NUMPY", "a NumPy array", "write it with safetensors.numpy.save_file"),
    (b"\x1f\x8b", "a gzip archive", "unpack it"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "unpack it"),
    (b"BZh", "a bzip2 archive", "unpack it"),
    (b"\xfd7zXZ\0", "an xz archive", "unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-zip archive", "unpack it"),
    (b"%PDF", "a PDF document", _DOWNLOAD),
)
"""First bytes, what begins so, and the remedy."""

_PICKLE_PROTOCOLS = range(2, 6)
_TAR_MARK, _TAR_PLACE = b"ustar", 257
_SHOWN_CHARACTERS = 60


def foreign_kind(start: bytes) -> str | None:
    """Say what a file is that begins so, with the remedy: ``an HTML page; download ...``; None if it is not known.

    Parameters
    ----------
    start
        The first `START_BYTES` bytes, or all of a smaller file. They must be known to be no safetensors file: the
        length of a header can look like the start of a pickle.
    """
    for signature, kind, remedy in _STARTS:
        if start.startswith(signature):
            return f"{kind}; {remedy}"
    if start[:1] == b"\x80" and start[1:2] and start[1] in _PICKLE_PROTOCOLS:
        return f"a pickle, and pickles are never read; {_CONVERT}"
    if start[_TAR_PLACE:].startswith(_TAR_MARK):
        return "a tar archive; unpack it"
    if start and not start.strip(b"\0"):
        return "a file that begins with zeros, as downloads that were broken off do; download it again"
    return _text_kind(start)


def _text_kind(start: bytes) -> str | None:
    """What a text is, if it is one."""
    text = _decoded(start).strip()
    if not text or not all(character.isprintable() or character.isspace() for character in text):
        return None
    if text.lower().startswith(("<!doctype html", "<html", "<head", "<body")):
        return f"an HTML page; {_DOWNLOAD}"
    if text.startswith("<"):
        return f"an XML text; {_DOWNLOAD}"
    return f"a text that begins with {' '.join(text.split())[:_SHOWN_CHARACTERS]!r}; {_DOWNLOAD}"


def _decoded(start: bytes) -> str:
    """The bytes as text, up to a character that is cut in two; empty if they are none."""
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return codecs.getincrementaldecoder(encoding)().decode(start)
    except UnicodeDecodeError:
        return ""
