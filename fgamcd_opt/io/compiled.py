"""How the compiled kernels of this package are compiled, and where their machine code is kept between runs.

Arithmetic is strictly IEEE: nothing is reordered, fused or replaced by a reciprocal. A kernel exists several times in a
process, as code of its own and as copies within its callers, and which of them runs depends on what was compiled and
what was loaded. Only arithmetic that no optimiser may change makes all copies, and so all runs, agree to the last bit.

Machine code is kept in the user's cache folder in files named after all that it depends on (:func:`dependencies`).
Where that is impossible, kernels are compiled in every process, and one warning says so.

What is loaded from there is run, so it is loaded only if nobody but this user and root can have written it, and only if
it carries the hash that it was written with. Numba serialises compiled code by pickle and knows no other way: it is the
only pickle that this package reads, and reading it grants nothing that running the code beside it does not.
"""

from __future__ import annotations

import contextlib
import dis
import hashlib
import logging
import os
import platform
import secrets
import stat
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeVar

import llvmlite
import numba
import numpy as np
from numba.core import caching, compiler, serialize
from numba.core.dispatcher import Dispatcher

Array = np.ndarray[Any, Any]

Function = TypeVar("Function", bound=Callable[..., Any])

log = logging.getLogger(__name__)

_OPTIONS: dict[str, Any] = {
    "nogil": True,  # threads run blocks side by side
    "error_model": "numpy",  # x / 0 is infinite or NaN, as IEEE has it
    "fastmath": False,  # see above
}


def kernel(function: Function) -> Function:
    """Compile a function on its first call, or load the code that an earlier process kept."""
    return _dispatcher(function, _OPTIONS)


def inlined_kernel(function: Function) -> Function:
    """As :func:`kernel`, but compiled as part of its only caller: each level of calls costs compile time."""
    return _dispatcher(function, {**_OPTIONS, "inline": "always"})


def _dispatcher(function: Function, options: dict[str, Any]) -> Function:
    compiled: Any = numba.njit(**options)(function)
    compiled._cache = _KeptCode(compiled)  # in place of Numba's own, which notices changes of one file alone
    kernel: Function = compiled
    return kernel


class _KeptCode(caching.NullCache):
    """The machine code of one kernel on disk, by signature and processor: what a dispatcher of Numba asks."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The code of one signature, or None where none is kept."""
        target.refresh()
        folder = _folder()
        if folder is None:
            return None
        name, key = self._named(signature, target.codegen())
        content = _read(folder / name)
        code = content[_SEAL_BYTES:]
        if content[:_SEAL_BYTES] != _seal(
            key, code
        ):  # none, cut short or damaged: compiled, and written again
            return None
        return compiler.CompileResult._rebuild(target, *serialize.loads(code))

    def save_overload(self, signature: Any, code: Any) -> None:
        """Keep the code of one signature where that is possible."""
        folder = _folder()
        if folder is None:
            return
        name, key = self._named(signature, code.codegen)
        data = serialize.dumps(code._reduce())
        try:
            folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            _write(folder / name, _seal(key, data) + data)
        except OSError as error:
            _cannot_keep(f"in {folder} ({error.strerror})")

    def _named(self, signature: Any, codegen: Any) -> tuple[str, str]:
        """Name of the file of one signature, and hash of all that its code depends on."""
        function = self._kernel.py_func
        key = [_VERSIONS, str(signature), str(codegen.magic_tuple()), *dependencies(self._kernel)]
        digest = hashlib.sha256("\n".join(key).encode()).hexdigest()
        return f"{function.__module__}.{function.__qualname__}-{digest[:32]}.code", digest


_SEAL_BYTES = hashlib.sha256().digest_size

_FOLDER_MODE, _FILE_MODE = 0o755, 0o644
"""Others may read, as in a container whose image holds the code, but never write, whatever the umask is."""


def _seal(key: str, code: bytes) -> bytes:
    """What stands before the code in its file: a hash of it and of what it belongs to."""
    return hashlib.sha256(key.encode() + code).digest()


def _read(path: Path) -> bytes:
    """A file, or nothing where there is none that can be read and was written by this user or root."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not block
        with open(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            return stream.read() if stat.S_ISREG(status.st_mode) and _only_ours(status) else b""
    except OSError:
        return b""


def _write(path: Path, data: bytes) -> None:
    """Replace a file as a whole: the last of several processes wins, and whoever reads meanwhile sees one of them.

    Unlike :func:`fgamcd_opt.io.files.write_bytes_atomically` it follows no link and takes no permissions over.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with open(os.open(temporary, flags, _FILE_MODE), "wb") as stream:
            stream.write(data)
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _only_ours(status: os.stat_result) -> bool:
    """Whether a file or folder belongs to this user or root, and nobody else can write to it."""
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


_VERSIONS = " ".join([platform.python_version(), numba.__version__, llvmlite.__version__, np.__version__])
"""Of what turns Python into machine code."""


@cache
def _folder() -> Path | None:
    """Folder of compiled code in the user's cache; None if the user has no home, or if others can write to it."""
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # neither HOME nor an entry in the list of users
        _cannot_keep("without a home folder")
        return None
    folder = Path(base) / "fgamcd_opt" / "kernels"
    try:
        if _only_ours(folder.stat()):
            return folder
    except OSError:  # not there yet
        return folder
    _cannot_keep(f"in {folder} (it belongs to another user, or others can write to it)")
    return None


@cache
def _cannot_keep(where: str) -> None:
    """Say once in a process why kernels are compiled again in the next one."""
    log.warning(
        "compiled kernels cannot be kept %s: every run compiles them again; "
        "let XDG_CACHE_HOME name a folder that you, and you alone, can write to",
        where,
    )


def dependencies(kernel: Any) -> Iterator[str]:
    """All that the machine code of a kernel depends on, versions and processor apart.

    That is its options, its bytecode with the constants and, for every name that the bytecode looks up, the value in
    this process: numbers by value, kernels by all that they depend on in turn. Sources do not count: a changed
    comment compiles nothing, a changed constant of another file does.

    Raises
    ------
    TypeError
        A kernel uses an object of a kind that cannot be compared between processes.
    """
    waiting, seen = [kernel], {kernel}
    while waiting:
        described, called = _description(waiting.pop())
        yield described
        waiting.extend(other for other in called if other not in seen)
        seen.update(called)


@cache
def _description(kernel: Any) -> tuple[str, tuple[Any, ...]]:
    """What a kernel depends on, as text, and the kernels that it calls."""
    function = kernel.py_func
    lines = [f"{_name(function)} {sorted(kernel.targetoptions.items())} {function.__defaults__}"]
    looked_up, names = set(function.__code__.co_freevars), set[str]()
    for code in _codes(function.__code__):
        constants = [c for c in code.co_consts if not isinstance(c, CodeType) and c != function.__doc__]
        lines.append(
            f"{code.co_code.hex()} {constants} {code.co_varnames} {code.co_names} {code.co_freevars}"
        )
        looked_up |= {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
        names |= set(code.co_names)
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    known = {**function.__globals__, **dict(zip(function.__code__.co_freevars, cells, strict=True))}
    values = [(name, known[name]) for name in sorted(looked_up & known.keys())]
    lines += [
        f"{n} = {_described(value, function, names)}"
        for n, value in values
        if not isinstance(value, Dispatcher)
    ]
    return "\n".join(lines), tuple(value for _, value in values if isinstance(value, Dispatcher))


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and those of the functions and comprehensions within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _described(value: Any, function: Any, names: set[str]) -> str:
    """A value that a kernel looks up by name, the same text in every process if the value is the same."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        return repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(_described(entry, function, names) for entry in value)})"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, ModuleType):
        own = (
            sorted(names & vars(value).keys())
            if _package(value.__name__) == _package(function.__module__)
            else []
        )
        return f"{value.__name__} {[(name, _described(vars(value)[name], function, names)) for name in own]}"
    home = getattr(value, "__module__", None) or ""
    if home and _package(home) != _package(function.__module__):  # another package: its version is in the key
        return _name(value)
    if isinstance(value, type) and issubclass(value, tuple):
        return f"{_name(value)} {getattr(value, '_fields', ())}"
    raise TypeError(
        f"the kernel {_name(function)} uses {value!r}: let it use numbers, arrays and other kernels alone"
    )


def _package(module: str) -> str:
    return module.partition(".")[0]


def _name(value: Any) -> str:
    return f"{value.__module__}.{getattr(value, '__qualname__', type(value).__name__)}"
