"""How long something takes and how fast it goes, as people say it.

Registered as template filters by `web.filters`.
"""

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def format_duration(seconds: float | None) -> str:
    """Such as "40 seconds", "3 minutes 5 seconds", "12 hours"; empty for None."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < 1:
        return "less than a second"
    place = next(place for place, (_, length_s) in enumerate(_UNITS) if whole >= length_s)
    (unit, length_s), smaller = _UNITS[place], _UNITS[place + 1 : place + 2]
    count, rest = divmod(whole, length_s)
    words = [_plural(count, unit)]
    if count < 10 and smaller and (part := rest // smaller[0][1]):
        words.append(_plural(part, smaller[0][0]))
    return " ".join(words)


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
    if per_second >= 2:
        count, unit = per_second, "a second"
    elif per_second * 60 >= 2:
        count, unit = per_second * 60, "a minute"
    else:
        count, unit = per_second * 3600, "an hour"
    return f"{count:,.0f} {noun} {unit}" if count >= 10 else f"{count:.1f} {noun} {unit}"


def _plural(count: int, unit: str) -> str:
    return f"{count:,} {unit}" if count == 1 else f"{count:,} {unit}s"
