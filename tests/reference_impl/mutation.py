"""Break the mathematics, one line at a time, and see which proof notices: `python -m tests.reference_impl.mutation`.

Each mutant is a small change to a method's file, of the kind that people make: a sign, an index, a missing root, a
forgotten layer. `tests/reference_impl/mutants/` lists them, a file for each method. The mutated source is compiled in
memory and stands in for the module while the method's proofs run; no file is touched. A mutant that no proof notices
has survived, and the proofs have a hole.

Writes reference_impl/results/METHOD/mutation.json; exit status 1 if fewer than 95 % of a method's mutants are killed.
"""

import argparse
import hashlib
import importlib
import json
import sys
import time
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import pytest
import torch

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FLOOR = 0.95


@dataclass(frozen=True)
class Mutant:
    """A change to one place of a module; `old` must occur there exactly once."""

    module: str
    what: str
    old: str
    new: str

    def source(self) -> str:
        """The module's text with the change made."""
        text = source_of(self.module).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise LookupError(
                f"{self.what}: {self.old!r} occurs {text.count(self.old)} times in {self.module}; expected 1"
            )
        return text.replace(self.old, self.new)


class Plan(Protocol):
    """What a file of mutants holds.

    Attributes:
        MODULES: The modules that are mutated, or that import one that is, in the order of their imports.
        PROOFS: The files of tests that must notice, beneath tests/reference_impl.
        MUTANTS: The changes.
        ONE_EACH: For some mutants, the test that must kill it; these run with the other tests.
    """

    MODULES: list[str]
    PROOFS: list[str]
    MUTANTS: list[Mutant]
    ONE_EACH: dict[str, str]


def source_of(module: str) -> Path:
    return ROOT / f"{module.replace('.', '/')}.py"


def plans() -> dict[str, Plan]:
    """Every method's plan, by the method's name."""
    names = sorted(path.stem for path in (HERE / "mutants").glob("*.py") if path.stem != "__init__")
    return {name: cast(Plan, importlib.import_module(f"tests.reference_impl.mutants.{name}")) for name in names}


@contextmanager
def standing_in(plan: Plan, mutant: Mutant) -> Iterator[None]:
    """The mutated module, and modules that import from it, in the place of the true ones."""
    true = {name: sys.modules.get(name) for name in plan.MODULES}
    try:
        for name in plan.MODULES:  # in the order of their imports
            text = mutant.source() if name == mutant.module else source_of(name).read_text(encoding="utf-8")
            module = types.ModuleType(name)
            module.__file__ = str(source_of(name))
            sys.modules[name] = module
            exec(compile(text, f"<mutant of {name}>", "exec"), module.__dict__)  # noqa: S102 - our own source
        yield
    finally:
        for name, module in true.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


class FirstFailure:
    """A pytest plugin that remembers the first test to fail."""

    name: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.name is None:
            self.name = report.nodeid.rpartition("::")[2]


def run_proofs(plan: Plan, only: str | None = None) -> str | None:
    """Run the proofs up to the first failure; its name, or None when all hold."""
    first = FirstFailure()
    # What pytest itself collects as garbage at the end of a run takes longer than most proofs.
    left_out = ("cacheprovider", "terminal", "unraisableexception", "threadexception")
    quiet = ["-x", "-o", "addopts=", *(word for name in left_out for word in ("-p", f"no:{name}"))]
    words = [*(str(HERE / name) for name in plan.PROOFS), *quiet, *(["-k", only] if only else [])]
    status = pytest.main(words, plugins=[first])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"pytest ended with {status!r}; expected tests to pass or fail")
    return first.name


def killer(plan: Plan, mutant: Mutant, only: str | None = None) -> str | None:
    """The proof that kills a mutant, by its name, or None if the mutant survives."""
    source = mutant.source()
    compile(source, mutant.module, "exec")  # a mutant must be a program
    with standing_in(plan, mutant):
        return run_proofs(plan, only)


def fingerprints(plan: Plan) -> dict[str, str]:
    """The sha256 of each module that is mutated, as it is now."""
    modules = sorted({mutant.module for mutant in plan.MUTANTS})
    return {name: hashlib.sha256(source_of(name).read_bytes()).hexdigest() for name in modules}


def report_of(method: str) -> Path:
    return ROOT / "reference_impl" / "results" / method / "mutation.json"


def run(method: str, plan: Plan, write: bool) -> bool:
    """Run all mutants of a method, print the table, write the report. Whether enough were killed."""
    if (broken := run_proofs(plan)) is not None:
        print(f"{method}: {broken} fails on the true code; mend that first", file=sys.stderr)
        return False
    began, rows = time.perf_counter(), []
    for mutant in plan.MUTANTS:
        proof = killer(plan, mutant)
        rows.append({"module": mutant.module, "mutant": mutant.what, "killed_by": proof})
        print(f"{'killed' if proof else 'SURVIVED':9}{mutant.what:60}{proof or ''}", flush=True)
    killed = sum(row["killed_by"] is not None for row in rows)
    share = killed / len(rows)
    print(f"{method}: {killed} of {len(rows)} killed ({share:.1%}) in {time.perf_counter() - began:.0f} s")
    if write:
        report = {
            "schema": 1,
            "command": f"python -m tests.reference_impl.mutation {method}",
            "sources": fingerprints(plan),
            "killed": killed,
            "mutants": len(rows),
            "table": rows,
        }
        report_of(method).parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
        report_of(method).write_text(text, encoding="utf-8")
    return share >= FLOOR


def main(argv: Sequence[str] | None = None) -> int:
    """Run the mutants of the methods named, or of all."""
    known = plans()
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("methods", nargs="*", metavar="METHOD", help=f"any of {', '.join(known)} (default: all)")
    words.add_argument("--no-write", action="store_true", help="do not write the report")
    args = words.parse_args(argv)
    if unknown := [name for name in args.methods if name not in known]:
        words.error(f"unknown: {', '.join(unknown)}; expected any of {', '.join(known)}")
    torch.set_num_threads(1)  # the proofs are small; threads would only wait for one another
    good = [run(name, known[name], not args.no_write) for name in args.methods or known]
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
