"""The mutation run's mechanism, on one mutant for each proof: broken code is noticed, by the proof that should."""

import json
import sys

import pytest

from reference_impl.registry import METHODS
from tests.reference_impl import mutation

PLANS = mutation.plans()
CHOSEN = [(method, what, proof) for method, plan in PLANS.items() for what, proof in plan.ONE_EACH.items()]
DDPM = PLANS["ddpm"]


def test_every_method_has_its_mutants():
    assert set(METHODS) <= set(PLANS)


@pytest.mark.parametrize(("method", "what", "proof"), CHOSEN, ids=[f"{m}: {what}" for m, what, _ in CHOSEN])
def test_a_mutant_is_killed_by_its_proof(method, what, proof):
    plan = PLANS[method]
    (mutant,) = [m for m in plan.MUTANTS if m.what == what]
    assert (mutation.killer(plan, mutant, only=proof) or "nothing").startswith(proof)


def test_the_true_modules_come_back():
    before = sys.modules.get("reference_impl.diffusion.ddpm")
    with mutation.standing_in(DDPM, DDPM.MUTANTS[0]):
        assert sys.modules["reference_impl.diffusion.ddpm"] is not before
    assert sys.modules.get("reference_impl.diffusion.ddpm") is before


@pytest.mark.parametrize("method", PLANS)
def test_every_mutant_still_fits_the_code(method):
    mutants = PLANS[method].MUTANTS
    assert len({m.what for m in mutants}) == len(mutants)
    for mutant in mutants:
        compile(mutant.source(), mutant.what, "exec")


def test_a_mutant_that_no_longer_fits_is_an_error():
    with pytest.raises(LookupError, match="occurs 0 times"):
        mutation.Mutant("reference_impl.diffusion.ddpm", "gone", "no such text", "").source()


def test_an_unknown_method_is_named(capsys):
    with pytest.raises(SystemExit):
        mutation.main(["ddmp"])
    assert "unknown: ddmp; expected any of" in capsys.readouterr().err


@pytest.mark.parametrize("method", PLANS)
def test_the_committed_report_is_of_this_code(method):
    plan, report = PLANS[method], json.loads(mutation.report_of(method).read_text(encoding="utf-8"))
    assert report["sources"] == mutation.fingerprints(plan), f"the code changed since: make mutants METHOD={method}"
    assert [row["mutant"] for row in report["table"]] == [m.what for m in plan.MUTANTS]
    assert report["killed"] >= mutation.FLOOR * report["mutants"]
