"""How long something takes and how fast it goes, as people say it.

Registered as template filters by `web.filters`.
"""

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))


def format_duration(seconds: float | None) -> str:
    """Such as "40 seconds", "3 minutes", "1 hour 20 minutes"; empty for None."""
    if seconds is None:
        return ""
    whole = round(seconds)
    for place, (unit, length_s) in enumerate(_UNITS):
        if whole >= length_s:
            count, rest = divmod(whole, length_s)
            words = _plural(count, unit)
            if place + 1 < len(_UNITS):
                smaller, smaller_s = _UNITS[place + 1]
                part = rest // smaller_s
                return f"{words} {_plural(part, smaller)}" if part and count < 10 else words
            return words
    return "less than a second" if seconds < 1 else _plural(whole, "second")


def format_time_left(seconds: float | None) -> str:
    """Rounded as far as such a number can be trusted: "about 3 minutes left"; empty for None."""
    if seconds is None:
        return ""
    if seconds < 60:
        return "less than a minute left"
    step_s = 60 if seconds < 3600 else 600
    return f"about {format_duration(step_s * max(1, round(seconds / step_s)))} left"


def format_rate(per_second: float | None, noun: str) -> str:
    """Such as "12 photos a second" and "24 photos a minute"; empty for None. `noun` is plural."""
    if per_second is None:
        return ""
    for unit, length_s in (("second", 1), ("minute", 60), ("hour", 3600)):
        if (count := per_second * length_s) >= 2:
            return (
                f"{count:,.0f} {noun} a {unit}" if count >= 10 else f"{count:.1f} {noun} a {unit}"
            )
    return f"{per_second * 3600:.1f} {noun} an hour"


def _plural(count: int, unit: str) -> str:
    return f"{count:,} {unit}" if count == 1 else f"{count:,} {unit}s"
