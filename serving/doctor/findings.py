"""What the doctor says: findings, in lines for people and as JSON for programs."""

from collections.abc import Sequence
from typing import Literal

import msgspec

Severity = Literal["ok", "warning", "error"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    severity: Severity
    check: str
    """What was looked at; names are stable."""
    what: str
    """What was found."""
    why: str = ""
    """Why it matters, with the reference where others have met it; empty if `ok`."""
    remedy: str = ""
    """What to do; empty if `ok`."""


def ok(check: str, what: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(severity="ok", check=check, what=what)


def warning(check: str, what: str, why: str, remedy: str) -> Finding:
    """Return a finding that may become a failure."""
    return Finding(severity="warning", check=check, what=what, why=why, remedy=remedy)


def error(check: str, what: str, why: str, remedy: str) -> Finding:
    """Return a finding that is a failure already, or one for sure."""
    return Finding(severity="error", check=check, what=what, why=why, remedy=remedy)


def as_lines(findings: Sequence[Finding]) -> str:
    """Write findings for people, each with its reason and remedy below it, and a count at the end."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.severity:8} {finding.check}: {finding.what}")
        lines += [f"{'':8}   why: {finding.why}"] if finding.why else []
        lines += [f"{'':8}   do:  {finding.remedy}"] if finding.remedy else []
    counts = {name: sum(finding.severity == name for finding in findings) for name in ("error", "warning", "ok")}
    lines.append(", ".join(f"{count} {name}" for name, count in counts.items()))
    return "\n".join(lines) + "\n"


def as_json(findings: Sequence[Finding]) -> str:
    """Write findings for programs: `{"errors": 0, "findings": [...]}`."""
    document = {"errors": sum(finding.severity == "error" for finding in findings), "findings": findings}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
