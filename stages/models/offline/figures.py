"""Answers that are calculated from numbers, dates and times. Functions: meanings, generator -> input, output."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor

from stages.models.offline.families import read_words
from stages.models.offline.lists import lay_out

Slots = Mapping[str, str]
ROMAN = {100: "C", 90: "XC", 50: "L", 40: "XL", 10: "X", 9: "IX", 5: "V", 4: "IV", 1: "I"}


def round_to(value: Fraction, step: str) -> str:
    """Return the multiple of the step ("5", "0.01") that is closest to a value, halves upwards."""
    return str(floor(value / Fraction(step) + Fraction(1, 2)) * Decimal(step))


def write_roman(number: int) -> str:
    """Return a number below 400 in Roman numerals."""
    text = ""
    for value, letters in ROMAN.items():
        text, number = text + letters * (number // value), number % value
    return text


def write_words(number: int) -> str:
    """Return a number below 1,000 in English words: 121 is "one hundred twenty-one"."""
    ones, tens = read_words("ones"), read_words("tens")
    if number >= 100:
        return f"{ones[number // 100]} hundred {write_words(number % 100)}".removesuffix(" zero")
    return ones[number] if number < 20 else f"{tens[number // 10]}-{ones[number % 10]}".removesuffix("-zero")


NUMERALS: dict[str, Callable[[int], str]] = {
    "decimal": str,
    "binary": "{:b}".format,
    "octal": "{:o}".format,
    "hexadecimal": "{:X}".format,
    "roman": write_roman,
    "words": write_words,
}
MEASURES: dict[str, Callable[[Sequence[int]], Fraction]] = {
    "mean": lambda values: Fraction(sum(values), len(values)),
    "median": lambda values: Fraction(sum(sorted(values)[3:5]), 2),
    "range": lambda values: Fraction(max(values) - min(values)),
    "sum": lambda values: Fraction(sum(values)),
    "midrange": lambda values: Fraction(max(values) + min(values), 2),
    "mean step": lambda values: Fraction(sum(abs(a - b) for a, b in pairwise(values)), 7),
    "trimmed": lambda values: Fraction(sum(sorted(values)[1:-1]), 6),
}


def change_numerals(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Write numbers in another numeral system."""
    old, new = slots["numerals"].split()
    numbers = rng.sample(range(11, 400), rng.randint(3, 6))
    return ", ".join(map(NUMERALS[old], numbers)), lay_out(list(map(NUMERALS[new], numbers)), slots["layout"])


def convert_units(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Convert amounts: old * factor + offset, rounded."""
    old, new, factor, offset = slots["change"].split("|")
    amounts = [int(slots["base"]) + rng.randint(4, 50) * int(slots["grain"]) for _ in range(rng.randint(3, 5))]
    converted = [round_to(amount * Fraction(factor) + Fraction(offset), slots["step"]) for amount in amounts]
    return "\n".join(f"{n} {old}" for n in amounts), lay_out([f"{n} {new}" for n in converted], slots["layout"])


def measure_values(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Calculate one statistic of eight values."""
    values = [rng.randint(10, 60) for _ in range(8)]
    value = round_to(MEASURES[slots["measure"]](values), slots["step"])
    return ", ".join(map(str, values)), f"{value} {slots['readings']}"


def compare_amounts(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Calculate a change in percent from the two amounts in the instruction."""
    change = Fraction(int(slots["new"]) - int(slots["old"]), int(slots["old"]))
    verb = "rose" if change > 0 else "fell"
    return "", f"{slots['thing'].capitalize()} {verb} by {round_to(abs(change) * 100, slots['step'])} percent."


def split_bill(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Share a bill and its tip evenly."""
    total = Fraction(int(slots["amount"]) * (100 + int(slots["tip"])), 100)
    share = round_to(total / int(slots["heads"]), "0.01")
    return "", f"Each person pays {share} {slots['currency']} of {round_to(total, '0.01')} in all."


def mix_parts(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Divide a total in a ratio."""
    first, second = slots["pair"].split("|")
    parts = list(map(int, slots["ratio"].split(":")))
    left, right = (round_to(Fraction(int(slots["total"]) * part, sum(parts)), "0.01") for part in parts)
    return "", f"{left} litres of {first} and {right} litres of {second}"


def scale_recipe(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Scale ingredients from the servings of the recipe to those asked for."""
    servings = rng.choice([2, 4, 5, 8])
    amounts = {food: rng.randint(1, 20) * 10 for food in rng.sample(read_words("ingredients"), rng.randint(3, 6))}
    ratio = Fraction(int(slots["servings"]), servings)
    scaled = [f"{round_to(amount * ratio, slots['step'])} g {food}" for food, amount in amounts.items()]
    given = "\n".join(f"{amount} g {food}" for food, amount in amounts.items())
    return f"Serves {servings}\n{given}", lay_out(scaled, slots["layout"])


def read_time(text: str) -> int:
    """Return the minutes since midnight of a time such as "09:45"."""
    return int(text[:2]) * 60 + int(text[3:])


def write_time(minutes: int) -> str:
    """Return minutes since midnight as a time of day."""
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def find_arrival(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Add the ride and the pause to the departure."""
    ride = floor(Fraction(60 * int(slots["distance"]), int(slots["speed"])) + Fraction(1, 2))
    return "", write_time(read_time(slots["start"]) + ride + int(slots["pause"]))


def draw_date(rng: random.Random) -> date:
    """Return a date of the years 2015 to 2034."""
    return date(2015, 1, 1) + timedelta(days=rng.randrange(7300))


def write_date(day: date, pattern: str) -> str:
    """Return a date by a pattern such as "{0.day} {month} {0.year}"."""
    return pattern.format(day, month=read_words("months")[day.month - 1], weekday=read_words("weekdays")[day.weekday()])


def reformat_dates(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Write ISO dates by a pattern and in an order."""
    days = [draw_date(rng) for _ in range(rng.randint(3, 5))]
    ordered = sorted(days, reverse=slots["order"] == "latest") if slots["order"] != "given" else days
    return "\n".join(map(str, days)), "\n".join(write_date(day, slots["pattern"]) for day in ordered)


def shift_date(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Move a date by a number of days."""
    day = draw_date(rng)
    return str(day), write_date(day + timedelta(days=int(slots["days"])), slots["pattern"])


def write_count(number: int, noun: str) -> str:
    """Return a number with its noun: "1 day", "2 days"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def count_days(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Count the days from one date to another."""
    start, gap = draw_date(rng), rng.randint(5, 300)
    days = gap + int(slots["ends"])
    given = f"{slots['first']}: {start}\n{slots['second']}: {start + timedelta(days=gap)}"
    weeks = f"{write_count(days // 7, 'week')} and {write_count(days % 7, 'day')}"
    return given, write_count(days, "day") if slots["unit"] == "days" else weeks


def add_hours(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Add up the hours of a week, less the breaks."""
    lines, total = [], 0
    for weekday in read_words("weekdays")[: rng.randint(3, 5)]:
        start, end = rng.randrange(360, 660, 15), rng.randrange(900, 1200, 15)
        lines.append(f"{weekday}: {write_time(start)} to {write_time(end)}")
        total += end - start - int(slots["pause"])
    decimal = round_to(Fraction(total, 60), "0.01")
    return "\n".join(lines), f"{total // 60}:{total % 60:02}" if slots["clock"] == "clock" else f"{decimal} hours"


def plan_events(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Turn durations into a timetable."""
    clock, given, planned = read_time(slots["start"]), [], []
    for part in rng.sample(read_words("parts"), rng.randint(3, 5)):
        minutes = rng.randrange(10, 60, 5)
        given.append(f"{part}: {minutes} minutes")
        planned.append(f"{write_time(clock)} {part}")
        clock += minutes + int(slots["pause"])
    return "\n".join(given), lay_out(planned, slots["layout"])


def find_departure(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Find the first departure to a city at or after a time."""
    start = read_time(slots["start"])
    stops = [(rng.randrange(300, 1380), city) for city in [*rng.sample(read_words("cities"), 5), slots["city"]]]
    stops = sorted([*stops, (rng.randrange(start, 1439), slots["city"])])
    first = next(time for time, city in stops if city == slots["city"] and time >= start)
    return "\n".join(f"{write_time(time)} {city}" for time, city in stops), write_time(first)
