"""Files made to cost time or memory, or to be taken for what they are not. Each is written by the function given."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from specimens import archive_bytes, joined_tensors, members, npy_bytes, split_tensors

Maker = Callable[[bytes, Path], None]

MANY = 200_000


def _doubled_keys() -> str:
    return ", ".join(f'"{number}": 0' for number in range(MANY)) + ', "7": 1'


def _header(change: Callable[[str], str]) -> Maker:
    """The header of an archive changed as text, sealed again."""

    def make(sound: bytes, path: Path) -> None:
        content = members(sound)
        content["header.json"] = change(content["header.json"].decode()).encode()
        path.write_bytes(archive_bytes(content))

    return make


def _text(text: str | Callable[[str], str]) -> Maker:
    def make(sound: bytes, path: Path) -> None:
        path.write_bytes((text if isinstance(text, str) else text(sound.decode())).encode())

    return make


def _array(name: str, change: Callable[[bytes], bytes]) -> Maker:
    """One array of an archive changed, sealed again."""

    def make(sound: bytes, path: Path) -> None:
        content = members(sound)
        content[f"{name}.npy"] = change(content[f"{name}.npy"])
        path.write_bytes(archive_bytes(content))

    return make


def _npy_header(text: str) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        (length,) = struct.unpack("<H", data[8:10])
        head = text.encode()
        return data[:8] + struct.pack("<H", len(head)) + head + data[10 + length :]

    return change


def _zeros(name: str, shape: tuple[int, ...], dtype: str) -> Maker:
    """An array of zeros that packs to little, declared as it is."""

    def make(sound: bytes, path: Path) -> None:
        content = members(sound)
        header = json.loads(content["header.json"])
        header["arrays"][name] = {"dtype": dtype, "shape": list(shape)}
        content["header.json"] = json.dumps(header).encode()
        length = int(np.prod(shape)) * np.dtype(dtype).itemsize
        head = npy_bytes(np.zeros(0, dtype)).replace(b"(0,), }", f"{shape}, }}".encode())[:128]
        _write_with_zeros(path, content, name, head, length, declared=len(head) + length)

    return make


def _lying(name: str) -> Maker:
    """A member that unpacks to 1 GiB, where the directory declares what the sound one has."""

    def make(sound: bytes, path: Path) -> None:
        content = members(sound)
        head = content[f"{name}.npy"]
        _write_with_zeros(path, content, name, head, 1 << 30, declared=len(head))

    return make


def _write_with_zeros(
    path: Path, content: dict[str, bytes], name: str, head: bytes, length: int, *, declared: int
) -> None:
    """An archive without a seal; one member is ``head`` and ``length`` zeros, with the checksum of ``head``."""
    packer, piece = zlib.compressobj(9, zlib.DEFLATED, -15), bytes(1 << 22)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(piece) + packer.flush(
        zlib.Z_FULL_FLUSH
    )  # stands for itself: nothing before it counts
    body = start + again * (length // len(piece)) + packer.flush()
    check = zlib.crc32(head)
    others = {other: data for other, data in content.items() if other != f"{name}.npy"}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for other, data in others.items():
            archive.writestr(other, data)
        archive.writestr(
            zipfile.ZipInfo(f"{name}.npy"), body
        )  # stored; its entries are rewritten as deflated below
    data = bytearray(path.read_bytes())
    for signature, start in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        place = (
            data.rindex(f"{name}.npy".encode())
            if signature == b"PK\1\2"
            else data.index(body) - len(name) - 4
        )
        place = data.rindex(signature, 0, place)
        struct.pack_into("<H", data, place + start, zipfile.ZIP_DEFLATED)
        struct.pack_into("<3L", data, place + start + 6, check, len(body), declared)
    path.write_bytes(bytes(data))


def _many_members(sound: bytes, path: Path) -> None:
    content = members(sound)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in [*content.items(), *((f"{i}.npy", b"") for i in range(60_000))]:
            archive.writestr(name, data)


def _policy(change: Callable[[dict[str, object]], str]) -> Maker:
    def make(sound: bytes, path: Path) -> None:
        header, tensors = split_tensors(sound)
        path.write_bytes(joined_tensors(change(header).encode(), tensors))

    return make


def _long_names(text: str) -> str:
    return text.replace('"name": "', '"name": "' + "n" * 100_000, 1)


_DEEP = "[" * 2_000_000
_WIDE = ", ".join(["{}"] * 2_000_000)
_LARGE = '"' + "a" * (1 << 24) + '"'
_NPY = "{{'descr': '<f8', 'fortran_order': False, 'shape': {}, }}\n"

CRAFTED: dict[str, tuple[str, Maker]] = {
    "200 000 keys, one doubled": ("instance", _header(lambda text: "{" + _doubled_keys() + "}")),
    "200 000 keys inside, one doubled": (
        "solution",
        _header(lambda text: text.replace('"options": {', '"options": {' + _doubled_keys() + ",")),
    ),
    "200 000 names, one doubled": (
        "instance",
        _header(lambda text: json.dumps(_with_names(json.loads(text), [*map(str, range(MANY)), "7"]))),
    ),
    "deep header": ("certificate", _header(lambda text: '{"kind": ' + _DEEP)),
    "wide header": ("certificate", _header(lambda text: '{"kind": [' + _WIDE + "]}")),
    "long header": ("certificate", _header(lambda text: '{"kind": ' + _LARGE + "}")),
    "long name": ("instance", _header(_long_names)),
    "escapes in a name": (
        "instance",
        _header(lambda text: text.replace('"name": "', '"name": "\\u001b[2J', 1)),
    ),
    "half a surrogate pair": (
        "instance",
        _header(lambda text: text.replace('"name": "', '"name": "\\ud800', 1)),
    ),
    "lying directory": ("instance", _lying("channel")),
    "lying directory of a solution": ("solution", _lying("beams")),
    "zeros of another shape": ("instance", _zeros("channel", (1 << 20, 2, 8), "<c16")),
    "zeros that are unknown": ("instance", _zeros("unknown", (1 << 28,), "|b1")),
    "zeros of a solution": ("solution", _zeros("migration", (1 << 14, 1 << 14, 1), "|b1")),
    "zeros of a certificate": ("certificate", _zeros("evidence_mu", (1 << 13, 1 << 13), "<f4")),
    "60 000 members": ("instance", _many_members),
    "negative shape": ("instance", _array("qos_bps", _npy_header(_NPY.format("(-2,)")))),
    "two negative axes": ("instance", _array("channel", _npy_header(_NPY.format("(-2, -2, 2)")))),
    "truth value as axis": ("instance", _array("qos_bps", _npy_header(_NPY.format("(True,)")))),
    "minus signs": ("instance", _array("qos_bps", _npy_header(_NPY.format("(" + "-" * 9000 + "1,)")))),
    "brackets": ("instance", _array("qos_bps", _npy_header(_NPY.format("(" * 9000 + ")" * 9000)))),
    "huge axis": ("instance", _array("qos_bps", _npy_header(_NPY.format("(" + "9" * 5000 + ",)")))),
    "huge axes": (
        "instance",
        _array("qos_bps", _npy_header(_NPY.format("(" + "4611686018427387904, " * 400 + ")"))),
    ),
    "evaluated shape": ("instance", _array("qos_bps", _npy_header(_NPY.format("(2**9**9**9,)")))),
    "header of another length": (
        "instance",
        _array("qos_bps", lambda data: data[:8] + b"\xff\xff" + data[10:]),
    ),
    "keys of a recipe": ("recipe", _text("{" + _doubled_keys() + "}")),
    "deep recipe": ("recipe", _text('{"families": ' + _DEEP)),
    "wide recipe": ("recipe", _text('{"families": [' + _WIDE + "]}")),
    "long recipe": ("recipe", _text('{"name": ' + _LARGE + "}")),
    "200 000 families": (
        "recipe",
        _text('{"schema_version": 1, "families": [' + ", ".join(f'"{i}"' for i in range(MANY)) + "]}"),
    ),
    "keys of a repository": ("repository", _text("{" + _doubled_keys() + "}")),
    "200 000 blocks, one doubled": (
        "repository",
        _text(
            json.dumps(
                {
                    "kind": "repository",
                    "schema_version": 1,
                    "blocks": [{"name": str(i % (MANY - 1)), "bytes": 1} for i in range(MANY)],
                    "models": [{"name": "m", "blocks": [0]}],
                }
            )
        ),
    ),
    "deep repository": ("repository", _text('{"kind": ' + _DEEP)),
    "wide repository": ("repository", _text('{"kind": [' + _WIDE + "]}")),
    "dotted settings": ("settings", _text("a" + ".a" * 20_000 + " = 1")),
    "dotted table of settings": ("settings", _text("[a" + ".a" * 20_000 + "]")),
    "many dotted settings": ("settings", _text("".join(f"a{i}{'.a' * 100} = 1\n" for i in range(300)))),
    "deep settings": ("settings", _text("a = " + "[" * 30_000)),
    "deep tables of settings": ("settings", _text("a = " + "{a = " * 10_000)),
    "long settings": ("settings", _text("# " + "a" * (1 << 24))),
    "large number of settings": ("settings", _text("seed = 0x" + "f" * 60_000)),
    "digits of settings": ("settings", _text("seed = " + "1" * 60_000)),
    "keys of a policy": ("policy", _policy(lambda header: "{" + _doubled_keys() + "}")),
    "deep policy": ("policy", _policy(lambda header: '{"a": ' + _DEEP)),
    "wide policy": ("policy", _policy(lambda header: '{"a": [' + _WIDE + "]}")),
    "long policy": ("policy", _policy(lambda header: '{"a": ' + _LARGE + "}")),
    "deep description of a policy": (
        "policy",
        _policy(lambda header: json.dumps({**header, "__metadata__": {"fgamcd_opt": '{"a": ' + _DEEP}})),
    ),
    "keys of a policy's description": (
        "policy",
        _policy(
            lambda header: json.dumps({**header, "__metadata__": {"fgamcd_opt": "{" + _doubled_keys() + "}"}})
        ),
    ),
}


def _with_names(header: dict[str, dict[str, object]], names: list[str]) -> dict[str, dict[str, object]]:
    return {**header, "content": {**header["content"], "block_names": names}}
