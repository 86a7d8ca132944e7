"""Explains in one sentence what a response of `POST /links` promises, and what proves it."""

from datetime import datetime, timezone

# The proof of each `session.evidence`. It completes "the session that signed it ends at …, proven by".
PROOFS = {
    "declared": "the credentials provider, which stated it",
    "attested": "a token from STS that states when this very session ends",
    "minted": "STS, which stated it when the function assumed its role to sign with",
}


def describe(link, now=None):
    """One sentence about a link, as of now."""
    now = now or datetime.now(timezone.utc)
    until = parse_time(link["expires_at"])
    works = f"this link works until {format_time(until, now)}, {format_duration(until - now)} from now"
    session = link.get("session") or {}
    end, evidence = session.get("expires_at"), session.get("evidence")
    if evidence == "unlimited":
        return f"{works}; it was signed with a long-term key, which no session ends."
    if not link.get("proven") or evidence not in PROOFS:
        return f"{works}, if the session that signed it lasts: that is assumed, not proven ({evidence})."
    return f"{works}; the session that signed it ends at {format_time(parse_time(end), now)}, proven by {PROOFS[evidence]}."


def parse_time(text):
    """A time in the API's JSON, as a datetime."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def format_time(time, now):
    """The time of day, with the date if it isn't today's."""
    layout = "%H:%M:%S UTC" if time.date() == now.date() else "%H:%M:%S UTC on %A %-d %B %Y"
    return time.strftime(layout)


def format_duration(duration):
    """A timedelta in its two largest units, such as "59 min 55 s"."""
    seconds = max(0, round(duration.total_seconds()))
    units = [("d", 86400), ("h", 3600), ("min", 60), ("s", 1)]
    while len(units) > 2 and seconds < units[0][1]:
        units.pop(0)
    parts = []
    for name, size in units[:2]:
        parts.append(f"{seconds // size} {name}")
        seconds %= size
    return " ".join(parts)
