"""Skills with days, months, dates and units."""

from __future__ import annotations

from random import Random

from dgchat.training.corpus.entries import normalised
from dgchat.training.corpus.skills.exercise import Exercise, Skill, of_closed_list

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
UNITS = (
    ("day", "days", "hours", 24, 4),
    ("week", "weeks", "days", 7, 10),
    ("year", "years", "months", 12, 8),
    ("foot", "feet", "inches", 12, 8),
    ("dozen", "dozens", "eggs", 12, 8),
    ("pair", "pairs", "shoes", 2, 12),
    ("yard", "yards", "feet", 3, 10),
    ("centimeter", "centimeters", "millimeters", 10, 10),
    ("decade", "decades", "years", 10, 10),
)
"""One, many, the smaller unit, how many of it, and up to how many are asked for."""


def _in_a_circle(rng: Random, names: tuple[str, ...], kind: str) -> Exercise:
    at = rng.randrange(len(names))
    side = rng.choice(("after", "before"))
    other = names[(at + (1 if side == "after" else -1)) % len(names)]
    asks = (
        "What {kind} comes {side} {name}?",
        "which {kind} is {side} {name}",
        "what comes {side} {name}?",
        "Which {kind} comes {side} {name}?",
        "Tell me the {kind} {side} {name}.",
        "{kind} {side} {name}",
    )
    ask = rng.choice(asks).format(kind=kind, side=side, name=names[at])
    verb = "comes after" if side == "after" else "comes before"
    return Exercise(normalised(ask), ask, f"{other} {verb} {names[at]}.")


def _days(rng: Random) -> Exercise:
    return _in_a_circle(rng, DAYS, "day")


def _months(rng: Random) -> Exercise:
    return _in_a_circle(rng, MONTHS, "month")


def _month_lengths(rng: Random) -> Exercise:
    at = rng.randrange(12)
    asks = (
        "How many days does {} have?",
        "how many days are in {}",
        "number of days in {}",
        "How long is {}?",
        "days in {}",
        "Tell me how many days {} has.",
        "How many days has {}?",
        "Does {} have 30 or 31 days?",
        "is {} 30 or 31 days long",
        "how many days long is {}",
        "length of {} in days",
        "What is the number of days in {}?",
    )
    leap = ", in a leap year 29" if at == 1 else ""
    return of_closed_list(rng, asks, MONTHS[at], f"{MONTHS[at]} has {MONTH_LENGTHS[at]} days{leap}.")


def _month_numbers(rng: Random) -> Exercise:
    at = rng.randrange(12)
    asks = (
        "Which month is number {}?",
        "what is month number {}",
        "Tell me month number {}.",
        "month {}",
        "What is the name of month {}?",
        "Which month has the number {}?",
        "name month {}",
        "what's month {}",
        "which month is number {} of the year",
        "Name month number {}.",
    )
    return of_closed_list(rng, asks, str(at + 1), f"Month number {at + 1} is {MONTHS[at]}.")


def _dates(rng: Random) -> Exercise:
    month, day = rng.choice(MONTHS), rng.randrange(1, 28)
    side = rng.choice(("after", "before"))
    first, second = (day, day + 1) if side == "after" else (day + 1, day)
    asks = (
        "What is the day {side} {date}?",
        "which date is {side} {date}",
        "What date comes {side} {date}?",
        "the day {side} {date}",
        "Tell me the date {side} {date}.",
    )
    ask = rng.choice(asks).format(side=side, date=f"{month} {first}")
    return Exercise(f"{side} {month} {first}", ask, f"The day {side} {month} {first} is {month} {second}.")


def _units(rng: Random) -> Exercise:
    one, many, small, factor, most = rng.choice(UNITS)
    count = rng.randrange(1, most + 1)
    amount = f"{count} {one if count == 1 else many}"
    asks = (
        "How many {small} are in {amount}?",
        "how many {small} are {amount}",
        "{amount} in {small}",
        "What are {amount} in {small}?",
        "How many {small} make {amount}?",
        "Convert {amount} to {small}.",
    )
    ask = rng.choice(asks).format(small=small, amount=amount)
    verb = "is" if count == 1 else "are"
    return Exercise(normalised(ask), ask, f"{amount} {verb} {count * factor} {small}.")


CALENDAR_SKILLS = (
    Skill("days", _days),
    Skill("months", _months),
    Skill("days of a month", _month_lengths, 0.7),
    Skill("month numbers", _month_numbers, 0.7),
    Skill("dates", _dates, 1.5),
    Skill("units", _units, 1.5),
)
