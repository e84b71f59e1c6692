"""Damage to files of every kind, random but reproducible, and the verdict on what a reader makes of it.

As a program, ``python tests/hostile/mutations.py COUNT SEED`` damages each kind COUNT times and counts the verdicts.
"""

from __future__ import annotations

import copy
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from specimens import ARCHIVES, KINDS, archive_bytes, header_of, members, with_header, write_specimens

from fgamcd_opt.io.errors import InputError

SLOW_S = 5.0
"""Processor time of a reading that counts as a hang: all take well below a second on an idle machine."""

WRONG = ("traceback", "hang", "accepted wrong")
"""Verdicts that no file may get."""

RAW = {
    "huge": "1" + "0" * 400,
    "large": "1" + "0" * 310,
    "too many digits": "1" * 5000,
    "negative": "-1",
    "zero": "0",
    "fraction": "0.5",
    "true": "true",
    "false": "false",
    "null": "null",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "1e400": "1e400",
    "text": '"text"',
    "empty text": '""',
    "long text": '"' + "a" * 100_000 + '"',
    "surrogate": r'"\ud800"',
    "escape": r'"\u001b[2J"',
    "zero byte": r'"\u0000"',
    "list": "[]",
    "object": "{}",
    "nested": "[" * 200 + "]" * 200,
    "deep": "[" * 100_000,
    "doubled key": '{"a": 1, "a": 2}',
    "int64": "9223372036854775808",
    "int53": "9007199254740993",
}
"""Values as JSON texts, some of which no JSON library would write."""

_MARK = "\x01raw:"
slowest: dict[str, float] = {}
"""By kind, the longest processor time of a reading."""

Place = tuple[str | int, ...]


def raw_text(value: Any) -> str:
    """JSON in which the marks of :func:`marked` are replaced by the texts of :data:`RAW`."""
    text = json.dumps(value)
    for name, raw in RAW.items():
        text = text.replace(json.dumps(_MARK + name), raw)
    return text


def marked(name: str) -> str:
    """A place holder for a text of :data:`RAW`."""
    return _MARK + name


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """Every place in nested values; of a list only the first three and the last."""
    if above:
        yield above
    if isinstance(value, dict):
        for name, each in value.items():
            yield from places(each, (*above, name))
    elif isinstance(value, list):
        for index in sorted({*range(min(3, len(value))), len(value) - 1} - {-1}):
            yield from places(value[index], (*above, index))


def at(value: Any, place: Place) -> Any:
    for step in place:
        value = value[step]
    return value


def replaced(value: Any, place: Place, new: Any) -> Any:
    """The values with another one at a place."""
    changed = copy.deepcopy(value)
    at(changed, place[:-1])[place[-1]] = new
    return changed


def _bytes_damaged(data: bytes, random: Random) -> bytes:
    """Flipped, cut, doubled, swapped, inserted or overwritten bytes."""
    first, second = sorted(random.randrange(len(data) + 1) for _ in range(2))
    match random.randrange(7):
        case 0 | 1:
            place = random.randrange(len(data))
            return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]
        case 2:
            return data[:first]
        case 3:
            return data[:first] + data[second:]
        case 4:
            return data[:second] + data[first:]
        case 5:
            return data[:first] + random.randbytes(random.randrange(1, 9)) + data[first:]
        case _:
            length = random.randrange(1, 1 + max(1, (second - first) // 2))
            one, other = data[first : first + length], data[second : second + length]
            return data[:first] + other + data[first + length : second] + one + data[second + length :]


def _members_damaged(data: bytes, random: Random) -> bytes:
    """One member damaged, or two swapped; sealed again."""
    content = members(data)
    one, other = random.sample(sorted(content), 2)
    if random.random() < 0.2:
        content[one], content[other] = content[other], content[one]
    else:
        content[one] = _bytes_damaged(content[one], random)
    return archive_bytes(content)


def _value_changed(value: Any, random: Random) -> Any:
    """A value like the old one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + random.choice((-1, 1, 10, -value, -2 * value))
    if isinstance(value, float):
        return value * random.choice((0.5, 2.0, -1.0, 1e-300, 1e300))
    if isinstance(value, str):
        return value[:-1] if random.random() < 0.5 else f"{value}x"
    if isinstance(value, list):
        return value[:-1] if random.random() < 0.5 else [*value, *value[:1]]
    return {}


def _header_damaged(kind: str, data: bytes, random: Random) -> bytes:
    """A value of the header changed, exchanged with another one, left out or added; digest and seal made anew."""
    header = header_of(kind, data)
    every = list(places(header))
    place, other = random.choice(every), random.choice(every)
    old = at(header, place)
    match random.randrange(5):
        case 0:
            changed = replaced(header, place, _value_changed(old, random))
        case 1:
            changed = replaced(header, place, copy.deepcopy(at(header, other)))
        case 2:
            changed = copy.deepcopy(header)
            del at(changed, place[:-1])[place[-1]]
        case 3:
            changed = copy.deepcopy(header)
            inside = at(changed, place[:-1])
            inside.update({"extra": 1}) if isinstance(inside, dict) else inside.append(1)
        case _:
            changed = replaced(header, place, marked(random.choice(list(RAW))))
    return with_header(kind, data, raw_text, changed)


def damaged(kind: str, data: bytes, random: Random) -> tuple[bytes, bool]:
    """A damaged file, and whether its seal or digest was made for what it says now."""
    ways: list[tuple[Callable[[], bytes], bool]] = [
        (lambda: _bytes_damaged(data, random), False),
        (lambda: _header_damaged(kind, data, random), True),
        (lambda: _header_damaged(kind, data, random), True),
    ]
    if kind in ARCHIVES:
        ways.append((lambda: _members_damaged(data, random), True))
    make, sealed = random.choice(ways)
    return make(), sealed


def verdict(kind: str, sound: bytes, data: bytes, folder: Path, *, sealed: bool) -> tuple[str, str]:
    """What a reader makes of a file, and details of what should not be.

    Accepted is right only if the content is that of the sound file, or if the file says so under a seal of its own and
    means what another parser reads. Text files have no seal: they say what they say.
    """
    reader = KINDS[kind]
    path = folder / f"damaged-{reader.file}"
    path.write_bytes(data)
    started = time.process_time()
    try:
        found = reader.read(path)
    except InputError as error:
        if len(str(error)) > 2000:
            return "traceback", f"message of {len(str(error))} characters"
        found = None
    except Exception as error:
        return "traceback", f"{type(error).__name__}: {str(error)[:200]}"
    taken = time.process_time() - started
    slowest[kind] = max(taken, slowest.get(kind, 0.0))
    if taken > SLOW_S:
        return "hang", f"{taken:.2f} s"
    if found is None:
        return "refused", ""
    if data == sound:
        return "unchanged", ""
    if found == reader.told(sound):
        return "same content", ""
    if not sealed and kind in (*ARCHIVES, "policy"):
        return "accepted wrong", "changed content under the old seal"
    try:
        same = found == reader.told(data)
    except Exception as error:
        return "accepted wrong", f"not what another parser reads: {type(error).__name__} {error}"
    return (
        ("accepted as it says", "") if same else ("accepted wrong", "means something else to another parser")
    )


def campaign(kind: str, count: int, seed: int, folder: Path) -> tuple[Counter[str], list[str]]:
    """Verdicts on damaged files of a kind, and the details of wrong ones; the first of these are kept in the folder."""
    random, counts, details = Random(f"{kind} {seed}"), Counter[str](), []
    sound = (folder / KINDS[kind].file).read_bytes()
    for number in range(count):
        data, sealed = damaged(kind, sound, random)
        result, detail = verdict(kind, sound, data, folder, sealed=sealed)
        counts[result] += 1
        if result in WRONG:
            details.append(f"{kind} {number}: {result}: {detail}")
            (folder / f"wrong-{kind}-{number}-{KINDS[kind].file}").write_bytes(data)
    return counts, details


def main(count: int, seed: int) -> None:
    """Damage every kind, and say what came of it."""
    folder = Path(tempfile.mkdtemp())
    write_specimens(folder)
    total = Counter[str]()
    for kind in KINDS:
        counts, details = campaign(kind, count, seed, folder)
        total += counts
        print(
            f"{kind:<12} {dict(counts)}, slowest {slowest[kind]:.3f} s",
            *details[:10],
            sep="\n   ",
            flush=True,
        )
    print(f"{'in all':<12} {dict(total)}; wrong files are in {folder}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
