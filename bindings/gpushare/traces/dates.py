"""Dates of logs as seconds since 1970."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

__all__ = ["seconds"]

_ISO = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<clock>\d\d:\d\d:\d\d)(?P<fraction>[.,]\d{1,9})? ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?"
)
_WEB = re.compile(r"(?P<day>\d{1,2}/[A-Z][a-z]{2}/\d{4}):(?P<clock>\d\d:\d\d:\d\d)(?: (?P<zone>[+-]\d{4}))?")


def seconds(text: str) -> float:
    """Seconds since 1970 of an ISO date, or of one as web servers write it; without a zone it is UTC.

    Raises
    ------
    ValueError
        For anything else.
    """
    found = _ISO.fullmatch(text)
    fraction = 0.0
    if found is not None:
        at = datetime.fromisoformat(f"{found['day']} {found['clock']}")
        fraction = float("0." + found["fraction"][1:]) if found["fraction"] else 0.0
    else:
        found = _WEB.fullmatch(text)
        if found is None:
            raise ValueError(f'expected a date such as 2026-11-29T17:30:20Z, found "{text[:40]}"')
        at = datetime.strptime(f"{found['day']} {found['clock']}", "%d/%b/%Y %H:%M:%S")
    zone = (found["zone"] or "Z").replace(":", "")
    if zone not in ("Z", "UTC"):
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
        at -= -offset if zone[0] == "-" else offset
    return at.replace(tzinfo=timezone.utc).timestamp() + fraction
