"""The claims of the source documents: all answered, every answer able to fail, and the document as the runs say."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import gpushare as gs
import pytest
from gpushare.command.cli import main
from gpushare.validation import sources
from gpushare.validation.sources import ANSWERS, Claim, load
from gpushare.validation.sources.answers import judged
from gpushare.validation.sources.expressions import evaluate, fill
from gpushare.validation.sources.quantities import Quantities

ROOT = Path(__file__).resolve().parent.parent.parent
CLAIMS = 151
FUNCTIONS = {"two": lambda: 2.0, "name": lambda: "tts"}
#: Claims that need cards, models and a scenario of seconds alone.
FAST = (1, 52, 53, 54, 55, 58, 77, 79, 87, 88, 90, 95, 96, 98, 104)


@pytest.fixture(scope="module")
def answers() -> gs.Answers:
    return gs.answer_claims()


def test_every_claim_has_one_answer() -> None:
    book = load()
    assert [claim.number for claim in book.claims] == list(range(1, CLAIMS + 1))
    assert {claim.answer for claim in book.claims} == set(ANSWERS)
    for claim in book.claims:
        assert claim.says, claim.number
        assert set(claim.sources) <= set(book.documents), claim.number


@pytest.mark.parametrize("claim", load().claims, ids=lambda claim: str(claim.number))
def test_an_answer_can_fail_or_says_why_not(claim: Claim) -> None:
    compared = bool(claim.holds or (claim.told and claim.ours))
    if claim.answer in ("reproduced", "contradicted"):
        assert compared
    if claim.answer != "reproduced":
        assert claim.because
    if claim.answer == "wrong in the source":
        assert compared or claim.evidence or not claim.shows, "a figure without a check"


def test_fast_claims_stand() -> None:
    found = gs.answer_claims(FAST)
    assert [answer.claim.number for answer in found.answers] == list(FAST)
    assert found.faults() == []


def test_all_answers_stand(answers: gs.Answers) -> None:
    assert answers.faults() == []
    assert sum(list(answers.counts.values())[:-1]) == CLAIMS


def test_the_document_holds_what_the_runs_say(answers: gs.Answers) -> None:
    assert answers.markdown() in (ROOT / "docs" / "sources.md").read_text(encoding="utf-8"), (
        "run tools/update_sources.py"
    )


def test_the_text_fits_eighty_columns_and_has_every_claim(answers: gs.Answers) -> None:
    lines = answers.text(width=80).splitlines()
    assert max(map(len, lines)) <= 80
    for number in range(1, CLAIMS + 1):
        assert sum(line.startswith(f"{number:3d}  ") for line in lines) == 1, number
    assert "<table" in answers._repr_html_()


def test_what_is_told_and_ours_must_agree_as_the_answer_says() -> None:
    claim = Claim(
        0, ("blog",), "two are three", "contradicted", (3.0,), "GPUs", "two()", because="arithmetic"
    )
    assert judged(claim, FUNCTIONS).fault == ""
    agreed = judged(dataclasses.replace(claim, told=(2.0,)), FUNCTIONS)
    assert agreed.fault == "2 GPUs there and 2 GPUs here agree, yet the answer is: contradicted"
    assert agreed.verdict == "NOT contradicted"
    said = judged(dataclasses.replace(claim, answer="reproduced"), FUNCTIONS)
    assert said.fault == "3 GPUs there and 2 GPUs here do not agree, yet the answer is: reproduced"
    assert judged(dataclasses.replace(claim, answer="reproduced", within=0.34), FUNCTIONS).fault == ""
    assert judged(dataclasses.replace(claim, answer="reproduced", told=(1.0, 5.0)), FUNCTIONS).fault == ""


def test_an_order_and_a_reason_must_be_true() -> None:
    claim = Claim(0, ("blog",), "synthesis limits", "reproduced", holds="name() == 'tts'", shows="{name()}")
    assert judged(claim, FUNCTIONS).shown == "tts"
    assert judged(claim, FUNCTIONS).fault == ""
    assert "is false, yet" in judged(dataclasses.replace(claim, holds="name() == 'llm'"), FUNCTIONS).fault
    assert (
        "the reason given is none"
        in judged(dataclasses.replace(claim, evidence="two() > 3"), FUNCTIONS).fault
    )


def test_expressions_are_arithmetic_on_figures_and_nothing_else() -> None:
    assert evaluate("2 * two() - 1 < 4 and not two() == 3", FUNCTIONS) is True
    assert evaluate("1 < two() < 2", FUNCTIONS) is False
    assert fill("{two()|.1f} of {2 * two()} by {name()}", FUNCTIONS) == "2.0 of 4 by tts"
    for text in ("two().real", "[1]", "three()", "two(x=1)", "two() +", "'a' + 1", "2 ** 3"):
        with pytest.raises(ValueError, match=r"two|1|three|2"):
            evaluate(text, FUNCTIONS)


def test_runs_are_shared_between_claims() -> None:
    quantities = Quantities(load())
    served = quantities.run("hollow", "alone", "request_throughput")
    assert quantities._result("hollow", "alone") is quantities._result("hollow", "alone")
    assert served == gs.simulate("hollow-gpu", mode="dedicated").summary()["request_throughput"]


def test_the_command_prints_them_and_fails_when_asked_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = gs.answer_claims((90, 98))
    monkeypatch.setattr(sources, "answer_claims", lambda progress: found)
    assert main(["validate", "sources", "--json", "--check"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["number"] for one in told["claims"]] == [90, 98]
    assert all(one["stands"] for one in told["claims"])
    found.answers[0] = dataclasses.replace(found.answers[0], fault="it moved")
    assert main(["validate", "sources"]) == 0
    assert "NOT wrong in the source" in capsys.readouterr().out
    assert main(["validate", "sources", "--check"]) == 2
    assert "answers that no longer stand: claim 90: it moved" in capsys.readouterr().err
    assert main(["validate", "sources", "--plot", "x.png"]) == 2
