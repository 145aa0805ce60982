"""Claims held against what the simulator says: each with its figure, ours, a verdict and the mechanism."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...frames.render import Field, brief, html_table, number, page_width, text_table, wrap
from .claims import ANSWERS, Book, Claim, load
from .expressions import Functions, evaluate, fill
from .quantities import Quantities

__all__ = ["Answer", "Answers", "answer_claims", "judged"]


@dataclass(frozen=True)
class Answer:
    """A claim and what became of it.

    Attributes
    ----------
    claim : Claim
    ours : float or None
        Our figure, in the claim's unit; None where it has none.
    shown : str
        Our side as text.
    because : str
        The mechanism.
    fault : str
        Why the answer no longer stands; empty when it does.
    """

    claim: Claim
    ours: float | None
    shown: str
    because: str
    fault: str = ""

    @property
    def verdict(self) -> str:
        """The answer, or that it does not stand."""
        return self.claim.answer if not self.fault else f"NOT {self.claim.answer}"

    @property
    def told(self) -> str:
        """The source's figure."""
        return _told(self.claim)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "number": self.claim.number,
            "sources": list(self.claim.sources),
            "says": self.claim.says,
            "told": list(self.claim.told),
            "unit": self.claim.unit,
            "ours": self.ours,
            "shown": self.shown,
            "verdict": self.claim.answer,
            "stands": not self.fault,
            "fault": self.fault,
            "because": self.because,
        }


@dataclass
class Answers:
    """All claims, answered; in notebooks a table.

    Attributes
    ----------
    documents : mapping of str to str
        What each source is.
    answers : list of Answer
    """

    documents: Mapping[str, str]
    answers: list[Answer]

    suite = "sources"

    @property
    def counts(self) -> dict[str, int]:
        """How many claims have each verdict; the last is of those whose answer does not stand."""
        found = Counter(answer.claim.answer for answer in self.answers)
        return {name: found[name] for name in ANSWERS} | {"of these no longer so": len(self.failed)}

    @property
    def failed(self) -> list[Answer]:
        """Answers that no longer stand."""
        return [answer for answer in self.answers if answer.fault]

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "suite": self.suite,
            "documents": dict(self.documents),
            "counts": self.counts,
            "claims": [answer.to_dict() for answer in self.answers],
        }

    def text(self, width: int | None = None) -> str:
        """Every claim with its figure, ours, the verdict and the mechanism, at most `width` columns wide."""
        width = page_width(width)
        parts = [self.overview(width)]
        for name, mine in self.by_document().items():
            parts += ["", wrap(f"{name}: {self.documents[name]}", width, "  ")]
            parts += [_lines(answer, width) for answer in mine]
        return "\n".join(parts)

    def by_document(self) -> dict[str, list[Answer]]:
        """The answers by the first document that has the claim."""
        return {
            name: [answer for answer in self.answers if answer.claim.sources[0] == name]
            for name in self.documents
        }

    def markdown(self) -> str:
        """A table of verdicts, and one of claims for each document."""
        lines = ["| verdict | claims |", "|---|---|"]
        lines += [f"| {name} | {count} |" for name, count in self.counts.items()]
        for name, mine in self.by_document().items():
            lines += ["", f"## {name}: {self.documents[name]}", ""]
            if not mine:
                lines.append("Its claims are those of the documents above.")
                continue
            lines += ["| # | claim | there | here | verdict, and why |", "|---|---|---|---|---|"]
            lines += [_row(answer) for answer in mine]
        return "\n".join(lines)

    def overview(self, width: int | None = None) -> str:
        """How many claims have each verdict, and what no longer stands."""
        lines = [
            f"sources: {len(self.answers)} claims of {len(self.documents)} documents, answered",
            "",
            text_table(
                [
                    Field("verdict", list(self.counts), "left"),
                    Field("claims", [str(count) for count in self.counts.values()]),
                ],
                width=width,
            ),
        ]
        lines += [wrap(line, width, "  ") for line in self.faults()]
        return "\n".join(lines)

    def faults(self) -> list[str]:
        """A line for each answer that no longer stands."""
        return [f"claim {answer.claim.number}: {answer.fault}" for answer in self.failed]

    def __repr__(self) -> str:
        return brief(self, f"to {len(self.answers)} claims, {len(self.failed)} of which no longer stand")

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        rows = self.answers
        return html_table(
            [
                Field("#", [str(row.claim.number) for row in rows]),
                Field("claim", [row.claim.says for row in rows], "left"),
                Field("source", [row.told for row in rows], "left"),
                Field("here", [row.shown for row in rows], "left"),
                Field("verdict", [row.verdict for row in rows], "left"),
                Field("why", [row.because for row in rows], "left"),
            ]
        )


def answer_claims(
    numbers: Iterable[int] | None = None, progress: Callable[[float], None] | None = None
) -> Answers:
    """Runs what the claims need, each scenario and mode once, and judges them.

    Parameters
    ----------
    numbers : iterable of int, optional
        Only these claims; by default all.
    progress : callable, optional
        Called with a share of 1.
    """
    book = load()
    wanted = None if numbers is None else set(numbers)
    claims = [claim for claim in book.claims if wanted is None or claim.number in wanted]
    return Answers(book.documents, _answered(book, claims, progress))


def _answered(book: Book, claims: Sequence[Claim], progress: Callable[[float], None] | None) -> list[Answer]:
    functions = Quantities(book).functions
    answers = []
    for done, claim in enumerate(claims, start=1):
        answers.append(judged(claim, functions))
        if progress:
            progress(done / len(claims))
    return answers


def judged(claim: Claim, functions: Functions) -> Answer:
    """A claim, its expressions evaluated, and whether its answer stands."""
    ours = float(evaluate(claim.ours, functions)) if claim.ours else None
    shown = fill(claim.shows, functions) if claim.shows else _with_unit(ours, claim.unit)
    fault = _fault(claim, ours, functions)
    return Answer(claim, ours, shown, fill(claim.because, functions), fault)


def _fault(claim: Claim, ours: float | None, functions: Functions) -> str:
    if claim.evidence and not evaluate(claim.evidence, functions):
        return f"the reason given is none: {claim.evidence} is false"
    agrees = _agrees(claim, ours, functions)
    if agrees is None or agrees == (claim.answer == "reproduced"):
        return ""
    if claim.holds:
        return f"{claim.holds} is {'true' if agrees else 'false'}, yet the answer is: {claim.answer}"
    return (
        f"{_told(claim)} there and {_with_unit(ours, claim.unit)} here "
        f"{'agree' if agrees else 'do not agree'}, yet the answer is: {claim.answer}"
    )


def _agrees(claim: Claim, ours: float | None, functions: Functions) -> bool | None:
    """Whether ours is what is told; None where nothing is compared."""
    if claim.holds:
        return bool(evaluate(claim.holds, functions))
    if ours is None or not claim.told:
        return None
    low, high = min(claim.told), max(claim.told)
    return low - claim.within * abs(low) <= ours <= high + claim.within * abs(high)


def _told(claim: Claim) -> str:
    if not claim.told:
        return ""
    figures = " to ".join(f"{value:,.6g}" for value in claim.told)
    return f"{figures} {claim.unit}".strip()


def _with_unit(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{number(value, 0 if value == round(value) else None)} {unit}".strip()


def _row(answer: Answer) -> str:
    cells = [
        str(answer.claim.number),
        answer.claim.says,
        answer.told,
        answer.shown,
        f"**{answer.verdict}**. {answer.because}".strip(),
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _lines(answer: Answer, width: int) -> str:
    head = f"{answer.claim.number:3d}  {answer.verdict}: {answer.claim.says}"
    sides = [f"there {answer.told}"] if answer.told else []
    sides += [f"here {answer.shown}"] if answer.shown else []
    more = "; ".join(sides) + (". " if sides else "") + answer.because
    lines = [wrap(head, width, "     ")]
    if more:
        lines.append(wrap(f"     {more}", width, "     "))
    if answer.fault:
        lines.append(wrap(f"     !! {answer.fault}", width, "     "))
    return "\n".join(lines)
