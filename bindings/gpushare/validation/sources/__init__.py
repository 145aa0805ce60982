"""Every claim of the source documents, answered by runs: ``gpushare validate sources``."""

from .answers import Answer, Answers, answer_claims
from .claims import ANSWERS, Book, Claim, load

__all__ = ["ANSWERS", "Answer", "Answers", "Book", "Claim", "answer_claims", "load"]
