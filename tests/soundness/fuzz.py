"""``make fuzz MINUTES=30``: adversarial instances with fresh seeds, every solver; keeps and shrinks what it finds.

The work is done by a child process, so that a crash or a hang is a finding like any other. The folder holds a file
``state.json`` with the seed and the number of cases done: the same command with the same folder goes on from there,
and may be killed at any moment.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
PATIENCE_S = 300.0
"""A case that takes longer hangs: every solve in it has a time limit."""

SHRINK_S = 60.0
"""Seconds for making one failing instance smaller."""


def main(argv: list[str] | None = None) -> int:
    """Run for the minutes asked for; 1 if anything was found, in this run or an earlier one of the folder."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, default=Path("out/fuzz"))
    parser.add_argument("--seed", type=int, help="of a new folder; by default one that nobody had before")
    parser.add_argument("--families", default="", help="separated by commas; by default all")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    return _work(args.folder) if args.worker else _drive(args)


class Child:
    """The process that solves: one line of JSON in, one line out."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, str(HERE), "--worker", "--folder", str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def ask(self, job: dict[str, Any]) -> dict[str, Any] | str:
        """The answer, or what became of the process in words."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job).encode() + b"\n")
        line, ends = b"", time.monotonic() + PATIENCE_S
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, ends - time.monotonic()))
            if not ready:
                self.close()
                return f"no answer within {PATIENCE_S:.0f} s"
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            if not part:
                return f"the process ended with code {self.process.wait()}"
            line += part
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()


def _drive(args: argparse.Namespace) -> int:
    from adversarial import FAMILIES

    families = args.families.split(",") if args.families else list(FAMILIES)
    if unknown := set(families) - set(FAMILIES):
        print(
            f"unknown families: {', '.join(sorted(unknown))}; known: {', '.join(FAMILIES)}", file=sys.stderr
        )
        return 2
    args.folder.mkdir(parents=True, exist_ok=True)
    state = _state(args.folder, args.seed)
    print(f"seed {state['seed']}, case {state['cases']} on, folder {args.folder}", flush=True)
    ends, child = time.monotonic() + 60.0 * args.minutes, Child(args.folder)
    try:
        while time.monotonic() < ends:
            number = state["cases"]
            family = families[number % len(families)]
            seed = (state["seed"] + number) % 2**63
            answer = child.ask({"family": family, "seed": seed, "turn": number // len(families)})
            if isinstance(answer, str):
                child.close()
                child = Child(args.folder)
                found = [{"kind": "crash", "text": answer, "setting": "?", "solver": "?"}]
                answer = {"findings": found, "solved": 0, "refused": 0, "drawn": True}
            state["cases"] += 1
            state["instances"] += int(answer["drawn"])
            state["solves"] += answer["solved"]
            for finding in answer["findings"]:
                place = f"{finding['kind']} of {finding['solver']}"
                state["findings"][place] = state["findings"].get(place, 0) + 1
                print(
                    f"{family} {seed}: {finding['kind']}: {finding['setting']}: {finding['text']}", flush=True
                )
            _write(args.folder / "state.json", json.dumps(state, indent=1))
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here")
    finally:
        child.close()
    return _summary(state, args.folder)


def _state(folder: Path, seed: int | None) -> dict[str, Any]:
    """That of the folder, or a new one."""
    path = folder / "state.json"
    if path.exists():
        known: dict[str, Any] = json.loads(path.read_text())
        return known
    fresh = int.from_bytes(os.urandom(6), "big") if seed is None else seed
    return {"seed": fresh, "cases": 0, "instances": 0, "solves": 0, "findings": {}}


def _write(path: Path, text: str) -> None:
    """At once or not at all."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(text)
    beside.replace(path)


def _summary(state: dict[str, Any], folder: Path) -> int:
    print(f"{state['instances']} instances, {state['solves']} solves since the folder was begun")
    for place, count in Counter(state["findings"]).most_common():
        print(f"{count:>6}  {place}")
    total = sum(state["findings"].values())
    print(f"{total} findings, kept in {folder}" if total else "nothing found")
    return 1 if total else 0


def _work(folder: Path) -> int:
    """Solve what comes on standard input; standard output is for the answers alone, whatever a backend prints."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from adversarial import DECIDED, draw
    from claims import Trial, some_settings

    from fgamcd_opt.io.errors import InputError

    for line in sys.stdin:
        job = json.loads(line)
        try:
            instance = draw(job["family"], job["seed"])
        except InputError:
            answer = {"findings": [], "solved": 0, "refused": 0, "drawn": False}
        else:
            report = Trial(instance, some_settings(job["turn"]), decided=job["family"] in DECIDED).run()
            found = [
                {"kind": f.kind, "text": f.text, "setting": str(f.setting), "solver": f.setting.solver}
                for f in report.findings
            ]
            answer = {"findings": found, "solved": report.solved, "refused": report.refused, "drawn": True}
            if report.findings:
                from shrink import keep

                keep(folder, instance, report, decided=job["family"] in DECIDED, seconds=SHRINK_S)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
