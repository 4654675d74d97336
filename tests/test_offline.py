"""The built-in model: its families, its answers calculated a second time in another way, and its answer forms."""

import ast
import hashlib
import json
import math
import os
import random
import re
import sqlite3
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from rapidfuzz import process
from rapidfuzz.distance import LCSseq

from stages.models.offline.answers import ANSWERS
from stages.models.offline.families import SLOT, Family, Task, find_task, load_families, read_words, write_instruction
from stages.models.offline.model import RATES, Reply, reply

ROOT = Path(__file__).parent.parent
Slots = Mapping[str, str]
Check = Callable[[Slots, str, str], bool]
FAMILIES = load_families()
FAMILY_NAMES = [family.name for family in FAMILIES]
UNABLE_WORDS = re.compile(r"\b(image|graph|picture|file|map|draw|plot|photo|audio|video|url)s?\b|go to", re.IGNORECASE)


def ask(text: str, seed: int = 0, max_tokens: int | None = None, stop: Sequence[str] = ()) -> Reply:
    return reply(text, seed=seed, temperature=1.0, max_tokens=max_tokens, stop=stop)


def draw_slots(family: Family, phrasing: str, seed: int) -> Task:
    rng = random.Random(f"{family.name} {phrasing} {seed}")  # noqa: S311
    return Task(family, phrasing, {slot: rng.choice(list(family.slots[slot])) for slot in SLOT.findall(phrasing)})


def answer(task: Task, seed: int) -> tuple[str, str]:
    return ANSWERS[task.family.answer](task.meanings(), random.Random(seed))  # noqa: S311


# --- every answer calculated a second time ---------------------------------------------------------------------------


def items(output: str, layout: str) -> list[str]:
    """Undo a layout."""
    if output == "none":
        return []
    if layout == "json":
        return list(json.loads(output))
    if layout in ("numbered", "bullets"):
        lines = output.split("\n")
        starts = [f"{n + 1}. " if layout == "numbered" else "- " for n in range(len(lines))]
        assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))
        return [line[len(start) :] for line, start in zip(lines, starts, strict=True)]
    return output.split(layout)


def is_near(text: str, value: float, step: str) -> bool:
    """Tell whether a text is the value rounded to the step, with as many decimals as the step has."""
    decimals = len(step.partition(".")[2])
    fits = len(text.partition(".")[2]) == decimals and abs(float(text) / float(step) % 1 - 0.5) > 0.4
    return fits and abs(float(text) - value) <= float(step) / 2 + 1e-9


UNITS: dict[str, Callable[[int], float]] = {
    "C F": lambda x: x * 9 / 5 + 32,
    "F C": lambda x: (x - 32) * 5 / 9,
    "mi km": lambda x: x * 1.609344,
    "km nmi": lambda x: x / 1.852,
    "in cm": lambda x: x * 2.54,
    "ft m": lambda x: x * 12 * 0.0254,
    "lb kg": lambda x: x * 0.45359237,
    "oz g": lambda x: x * 453.59237 / 16,
    "min h": lambda x: x / 60,
    "d wk": lambda x: x / 7,
    "kg st": lambda x: x / (14 * 0.45359237),
    "ac m2": lambda x: x * 4840 * 0.9144**2,
    "gal l": lambda x: x * 231 * 0.0254**3 * 1000,
    "yd m": lambda x: x * 0.9144,
    "C K": lambda x: x + 273.15,
    "kn km/h": lambda x: x * 1.852,
    "cm ft": lambda x: x / 2.54 / 12,
    "MB GB": lambda x: x / 1000,
}


def check_units(slots: Slots, given: str, output: str) -> bool:
    old, new, factor, _ = slots["change"].split("|")
    amounts = [int(line.removesuffix(f" {old}")) for line in given.split("\n")]
    convert = UNITS.get(f"{old} {new}")
    values = [convert(amount) if convert else float(amount * Fraction(factor)) for amount in amounts]
    found = [entry.split(" ") for entry in items(output, slots["layout"])]
    numbers_are_right = all(is_near(n[0], value, slots["step"]) for n, value in zip(found, values, strict=True))
    return numbers_are_right and all(unit == new for _, unit in found)


def read_roman(text: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}[letter] for letter in text]
    return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))


def read_number_words(text: str) -> int:
    names = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    small = {name: n for n, name in enumerate(f"{names} eighteen nineteen".split(), 1)}
    stems = {"twen": 20, "thir": 30, "for": 40, "fif": 50, "six": 60, "seven": 70, "eigh": 80, "nine": 90}
    tens = {f"{stem}ty": value for stem, value in stems.items()}
    total = 0
    for word in text.replace("-", " ").split():
        total = total * 100 if word == "hundred" else total + {**small, **tens}[word]
    return total


READERS: dict[str, Callable[[str], int]] = {
    "decimal": int,
    "binary": lambda text: int(text, 2),
    "octal": lambda text: int(text, 8),
    "hexadecimal": lambda text: int(text, 16),
    "roman": read_roman,
    "words": read_number_words,
}


def check_numerals(slots: Slots, given: str, output: str) -> bool:
    old, new = (READERS[name] for name in slots["numerals"].split())
    return list(map(old, given.split(", "))) == list(map(new, items(output, slots["layout"])))


STATISTICS: dict[str, Callable[[list[int]], float]] = {
    "mean": statistics.mean,
    "median": statistics.median,
    "range": lambda v: sorted(v)[-1] - sorted(v)[0],
    "sum": lambda v: statistics.mean(v) * len(v),
    "midrange": lambda v: statistics.mean([max(v), min(v)]),
    "mean step": lambda v: statistics.mean([abs(v[n] - v[n - 1]) for n in range(1, len(v))]),
    "trimmed": lambda v: (sum(v) - max(v) - min(v)) / (len(v) - 2),
}


def check_statistic(slots: Slots, given: str, output: str) -> bool:
    number, unit = output.split(" ")
    value = STATISTICS[slots["measure"]](ast.literal_eval(f"[{given}]"))
    return unit == slots["readings"] and is_near(number, value, slots["step"])


def check_percentage(slots: Slots, given: str, output: str) -> bool:
    found = re.fullmatch(r"(.+) (rose|fell) by ([\d.]+) percent\.", output)
    assert found
    value = 100 * float(slots["new"]) / float(slots["old"]) - 100
    direction = found[1].lower() == slots["thing"] and (found[2] == "rose") == (value > 0)
    return not given and direction and is_near(found[3], abs(value), slots["step"])


def check_bill(slots: Slots, given: str, output: str) -> bool:
    share, total = re.findall(r"\d+\.\d\d", output)
    cost = float(slots["amount"]) * (1 + float(slots["tip"]) / 100)
    return (
        slots["currency"] in output
        and is_near(total, cost, "0.01")
        and is_near(share, cost / int(slots["heads"]), "0.01")
    )


def check_mixture(slots: Slots, given: str, output: str) -> bool:
    found = re.fullmatch(r"([\d.]+) litres of (.+) and ([\d.]+) litres of (.+)", output)
    assert found
    left, right = map(int, slots["ratio"].split(":"))
    total = float(slots["total"])
    amounts = is_near(found[1], total / (left + right) * left, "0.01") and is_near(
        found[3], total - total / (left + right) * left, "0.01"
    )
    return amounts and f"{found[2]}|{found[4]}" == slots["pair"]


def check_recipe(slots: Slots, given: str, output: str) -> bool:
    head, *lines = given.split("\n")
    scale = int(slots["servings"]) / int(head.removeprefix("Serves "))
    pairs = zip(lines, items(output, slots["layout"]), strict=True)
    return all(
        a.split(" g ")[1] == b.split(" g ")[1]
        and is_near(b.split(" g ")[0], scale * int(a.split(" g ")[0]), slots["step"])
        for a, b in pairs
    )


def check_arrival(slots: Slots, given: str, output: str) -> bool:
    ride = timedelta(hours=int(slots["distance"]) / int(slots["speed"]), minutes=int(slots["pause"]))
    exact = datetime.strptime(f"2024-01-01 {slots['start']}", "%Y-%m-%d %H:%M") + ride
    rounded = datetime.strptime(f"{exact.date()} {output}", "%Y-%m-%d %H:%M")
    return abs((rounded - exact).total_seconds()) <= 30


def write_day(day: date, pattern: str) -> str:
    """Write a date by a pattern of the families, with strftime."""
    names = {"{month}": "%B", "{weekday}": "%A", "{0.year}": "%Y", "{0.day}": str(day.day), "{0.month}": str(day.month)}
    for slot, code in names.items():
        pattern = pattern.replace(slot, code)
    return day.strftime(re.sub(r"\{0:(.+?)\}", r"\1", pattern))


def check_dates(slots: Slots, given: str, output: str) -> bool:
    days = given.split("\n")
    days = days if slots["order"] == "given" else sorted(days)
    days = days[::-1] if slots["order"] == "latest" else days
    return output.split("\n") == [write_day(date.fromisoformat(day), slots["pattern"]) for day in days]


def check_shift(slots: Slots, given: str, output: str) -> bool:
    day = date.fromordinal(date.fromisoformat(given).toordinal() + int(slots["days"]))
    return output == write_day(day, slots["pattern"])


def check_days_between(slots: Slots, given: str, output: str) -> bool:
    (first, start), (second, end) = (line.rsplit(": ", 1) for line in given.split("\n"))
    days = date.fromisoformat(end).toordinal() - date.fromisoformat(start).toordinal() + int(slots["ends"])
    found = list(map(int, re.findall(r"\d+", output)))
    total = found[0] if slots["unit"] == "days" else 7 * found[0] + found[1]
    is_whole = len(found) == 1 if slots["unit"] == "days" else found[1] < 7
    return (first, second) == (slots["first"], slots["second"]) and days == total and is_whole


def read_clock(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def check_hours(slots: Slots, given: str, output: str) -> bool:
    total = timedelta()
    for line in given.split("\n"):
        start, end = line.split(": ")[1].split(" to ")
        total += read_clock(end) - read_clock(start) - timedelta(minutes=int(slots["pause"]))
    if slots["clock"] == "clock":
        return read_clock(output) == total
    return is_near(output.removesuffix(" hours"), total / timedelta(hours=1), "0.01")


def check_timetable(slots: Slots, given: str, output: str) -> bool:
    clock = read_clock(slots["start"])
    for planned, line in zip(items(output, slots["layout"]), given.split("\n"), strict=True):
        part, minutes = line.removesuffix(" minutes").split(": ")
        time, name = planned.split(" ", 1)
        if name != part or read_clock(time) != clock:
            return False
        clock += timedelta(minutes=int(minutes) + int(slots["pause"]))
    return True


def check_departure(slots: Slots, given: str, output: str) -> bool:
    times = [line[:5] for line in given.split("\n") if line[6:] == slots["city"] and line[:5] >= slots["start"]]
    return output == min(times)


WORD_EDITS: dict[str, Callable[[list[str], str], list[str]]] = {
    "sort": lambda words, key: sorted(words) if key == "up" else sorted(words)[::-1],
    "by_length": lambda words, key: sorted(sorted(words), key=len, reverse=key == "-1"),
    "by_end": lambda words, key: [w[::-1] for w in sorted(w[::-1] for w in words)],
    "reverse": lambda words, key: list(reversed(words)),
    "letters_back": lambda words, key: ["".join(reversed(w)) for w in words],
    "once": lambda words, key: [w for n, w in enumerate(words) if w not in words[:n]],
    "once_last": lambda words, key: [w for n, w in enumerate(words) if w not in words[n + 1 :]],
    "twice": lambda words, key: [w for n, w in enumerate(words) if w not in words[:n] and w in words[n + 1 :]],
    "single": lambda words, key: [w for w in words if Counter(words)[w] == 1],
    "counted": lambda words, key: [f"{w} ({n})" for w, n in Counter(words).items()],
    "upper": lambda words, key: " ".join(words).upper().split(),
    "title": lambda words, key: " ".join(words).title().split(),
    "last_upper": lambda words, key: [re.sub(r"\w$", lambda m: m[0].upper(), w) for w in words],
    "alternate": lambda words, key: [re.sub(r"(\w)(\w)", lambda m: m[1] + m[2].upper(), w) for w in words],
    "shift": lambda words, key: [w.translate(rotate(int(key))) for w in words],
    "no_vowels": lambda words, key: [re.sub("[aeiou]", "", w) for w in words],
    "stars": lambda words, key: [re.sub("[aeiou]", "*", w) for w in words],
    "longer": lambda words, key: [w for w in words if w[int(key) :]],
    "starts": lambda words, key: [w for w in words if re.match(f"[{key}]", w)],
    "count_letters": lambda words, key: [f"{w}: {len(re.findall(f'[{key}]' if key else '.', w))}" for w in words],
    "table": lambda words, key: [read_words(key)[w] for w in words],
}


def rotate(places: int) -> dict[int, int]:
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return str.maketrans(alphabet, alphabet[places % 26 :] + alphabet[: places % 26])


def check_words(slots: Slots, given: str, output: str) -> bool:
    name, _, key = slots["edit"].partition(" ")
    words = given.split(", ")
    is_ours = name == "table" or set(words) <= set(slots["things"].split("|"))
    return is_ours and items(output, slots["layout"]) == WORD_EDITS[name](words, key)


def check_acronyms(slots: Slots, given: str, output: str) -> bool:
    initials = [re.findall(r"\b[A-Z]", name) for name in given.split("\n")]
    return items(output, slots["layout"]) == [slots["joint"].join(letters) for letters in initials]


def read_table(text: str, kind: str) -> list[dict[str, str]]:
    if kind == "json":
        return list(json.loads(text))
    lines = text.split("\n")
    if kind == "pairs":
        return [dict(cell.split(": ", 1) for cell in line.split("; ")) for line in lines]
    if kind == "markdown":
        assert set(lines.pop(1)) == set("|- ")
    lines = [line.removeprefix("| ").removesuffix(" |") for line in lines]
    header, *rows = [line.split({"csv": ", ", "tsv": "\t", "markdown": " | "}[kind]) for line in lines]
    return [dict(zip(header, row, strict=True)) for row in rows]


def check_stock_filter(slots: Slots, given: str, output: str) -> bool:
    rows = read_table(given, slots["kind"])
    names = []
    for row in rows:
        excess = float(row[slots["column"]]) - float(slots["limit"])
        if excess > 0 if slots["side"] == "above" else excess < 0:
            names.append(row["name"])
    is_ours = {row["name"] for row in rows} <= set(slots["shop"].split("|"))
    return is_ours and items(output, slots["layout"]) == names


def check_table(slots: Slots, given: str, output: str) -> bool:
    before, after = read_table(given, "csv"), read_table(output, slots["new_kind"])
    keys = [row["name"] if slots["column"] == "name" else float(row[slots["column"]]) for row in after]
    is_sorted = keys == sorted(keys)
    is_ours = {row["name"] for row in before} <= set(slots["shop"].split("|"))
    return is_ours and is_sorted and sorted(map(str, before)) == sorted(map(str, after))


def check_stock_value(slots: Slots, given: str, output: str) -> bool:
    worths = sorted(float(row["stock"]) * float(row["price"]) for row in read_table(given, "markdown"))
    value = {"all": math.fsum(worths), "most": worths[-1], "least": worths[0]}[slots["which"]]
    is_ours = all(row["name"] in slots["shop"] for row in read_table(given, "markdown"))
    return is_ours and output == f"{value:.2f} {slots['currency']}"


def check_ranking(slots: Slots, given: str, output: str) -> bool:
    scores = sorted((int(line.split()[1]), line.split()[0]) for line in given.split("\n"))
    names = [name for _, name in scores]
    names = names[::-1] if slots["sign"] == "-1" else names
    return items(output, slots["layout"]) == names[: int(slots["places"])]


def check_expenses(slots: Slots, given: str, output: str) -> bool:
    amounts = re.findall(rf"^{slots['expense']}: (\d+\.\d\d)$", given, re.MULTILINE)
    return bool(amounts) and output == f"{math.fsum(map(float, amounts)):.2f} {slots['currency']}"


def check_log(slots: Slots, given: str, output: str) -> bool:
    times = re.findall(rf"^(\S+) {slots['level']} {slots['service']}$", given, re.MULTILINE)
    is_ours = slots["service"] in given
    texts = {"first": min(times, default="none"), "last": max(times, default="none"), "count": str(len(times))}
    return is_ours and output == texts.get(slots["report"], ", ".join(times) or "none")


def check_mail(slots: Slots, given: str, output: str) -> bool:
    weekdays = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
    found = {
        "sender": re.findall(r"^From: (\w+)", given),
        "city": re.findall(r"in ([A-Z]\w+)", given),
        "weekday": re.findall(weekdays, given),
        "time": re.findall(r"\d\d:\d\d", given),
        "reference": re.findall(r"\b\d{4}\b", given),
    }
    (fields,) = read_table(output, slots["new_kind"])
    expected = {name: found[name][0] for name in slots["fields"].split()}
    return slots["topic"] in given and fields == expected and list(fields) == list(expected)


PYTHON_RESULTS = {
    "max({variable})": 9,
    "sum({variable})": 15,
    "sum(n % 2 == 0 for n in {variable})": 4,
    "{variable}[::-1]": [-2, 9, 0, 4, 4],
    "{variable}[::2]": [4, 0, -2],
    "[n * n for n in {variable}]": [16, 16, 0, 81, 4],
    "sorted({variable})": [-2, 0, 4, 4, 9],
    "list(dict.fromkeys({variable}))": [4, 0, 9, -2],
    "max({variable}) - min({variable})": 11,
    "[n for n in {variable} if n > 0]": [4, 4, 9],
    "0 in {variable}": True,
    "{variable}[-3:]": [0, 9, -2],
    "list(enumerate({variable}))": [(0, 4), (1, 4), (2, 0), (3, 9), (4, -2)],
    "sum({variable}) / len({variable})": 3,
    '"-".join(map(str, {variable}))': "4-4-0-9--2",
    "[n + 1 for n in {variable}]": [5, 5, 1, 10, -1],
}


def check_python(slots: Slots, given: str, output: str) -> bool:
    value = eval(output, {slots["variable"]: [4, 4, 0, 9, -2]})  # noqa: S307 - one of the expressions above
    return bool(value == PYTHON_RESULTS[slots["code"]])


CITIES = (
    ("Boreas", 1951, 8, "Lima"),
    ("Calma", 1950, 4, "Oslo"),
    ("Bora", 1900, 1, "Riga"),
    ("Dorn", 1930, None, "Quito"),
    ("Elva", 2001, 9, "Oslo"),
    ("Fado", 1899, 3, "Lima"),
)
CONDITIONS: dict[str, Callable[[str, int, int | None, str], bool]] = {
    " WHERE year > 1950": lambda name, year, rating, city: year >= 1951,
    " WHERE rating >= 4": lambda name, year, rating, city: rating in (4, 8, 9),
    " WHERE city = 'Lima'": lambda name, year, rating, city: city[0] == "L",
    " WHERE name LIKE 'B%'": lambda name, year, rating, city: name[0] == "B",
    " WHERE rating IS NULL": lambda name, year, rating, city: rating is None,
    " WHERE year BETWEEN 1900 AND 1930": lambda name, year, rating, city: year in range(1900, 1931),
    " WHERE city <> 'Oslo'": lambda name, year, rating, city: city[0] != "O",
    " WHERE rating < 2 OR rating > 8": lambda name, year, rating, city: rating in (1, 9),
    " WHERE city IN ('Riga', 'Quito')": lambda name, year, rating, city: city[0] in "RQ",
    "": lambda name, year, rating, city: True,
}


def run_sql(query: str, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute(f"CREATE TABLE {table} (name, year, rating, city)")
        base.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", CITIES)  # noqa: S608
        return base.execute(query).fetchall()


def select(columns: str, condition: str) -> list[tuple[object, ...]]:
    rows = [row for row in CITIES if CONDITIONS[condition](*row)]
    ratings = [row[2] for row in rows if row[2] is not None]
    summaries: dict[str, object] = {
        "COUNT(*)": len(rows),
        "MAX(rating)": max(ratings, default=None),
        "AVG(rating)": statistics.mean(ratings) if ratings else None,
        "MIN(year)": min((row[1] for row in rows), default=None),
    }
    if columns in summaries:
        return [(summaries[columns],)]
    names = {"*": (0, 1, 2, 3), "name": (0,), "city": (3,), "DISTINCT city": (3,), "name, year": (0, 1)}
    picked: list[tuple[object, ...]] = [tuple(row[n] for n in names.get(columns, (0, 3, 2))) for row in rows]
    return list(dict.fromkeys(picked)) if columns == "DISTINCT city" else picked


def check_sql(slots: Slots, given: str, output: str) -> bool:
    limit = int(slots["order"].rpartition(" ")[2] or 99)
    return run_sql(output, slots["table"]) == select(slots["columns"], slots["condition"])[:limit]


RULES: dict[str, Callable[[str, str], bool]] = {
    "anagram": lambda key, given: len({tuple(sorted(word)) for word in given.split(" / ")}) == 1,
    "above": lambda key, given: float(given) > float(key),
    "multiple": lambda key, given: math.gcd(int(given), int(key)) == int(key),
    "mirror": lambda key, given: all(given[n] == given[-1 - n] for n in range(len(given))),
    "date": lambda key, given: f"{(date.fromisoformat(given).isoweekday() - 1)}" in key,
    "message": lambda key, given: any(re.search(rf"\b{word}\b", given) for word in key.split("|")),
    "password": lambda key, given: bool(re.fullmatch(rf"(?=.*\d).{{{key},}}", given)),
    "order": lambda key, given: all(
        (int(b) - int(a)) * int(key) > 0 for a, b in re.findall(r"(?=\b(\d+), (\d+))", given)
    ),
    "basket": lambda key, given: sum(map(int, re.findall(r"\d+", given))) <= int(key),
}


def check_rule(slots: Slots, given: str, output: str) -> bool:
    yes, no = slots["labels"].split("|")
    return output == (yes if RULES[slots["rule"]](slots["key"], given) else no)


def check_class(slots: Slots, given: str, output: str) -> bool:
    classes: dict[str, list[str]] = read_words(slots["classes"])
    (label,) = [name for name, known in classes.items() if given in [text.format(**slots) for text in known]]
    plain = output.strip("().#").lower() == label.lower()
    shape = {"upper": r"[A-Z ]+", "lower": r"[a-z ]+", "capital": r"[A-Z].+[a-z]", "brackets": r"\(.+\)"}
    return plain and bool(re.fullmatch({**shape, "stop": r"[^.]+\.", "hash": "#.+#"}[slots["style"]], output))


def check_band(slots: Slots, given: str, output: str) -> bool:
    number, unit = given.split(" ")
    band = sum(int(number) >= int(slots[limit]) for limit in ("low", "high"))
    return unit == slots["unit"] and output == slots["labels"].split("|")[band]


CHECKS: dict[str, Check] = {
    "acronyms": check_acronyms,
    "alphabetical_order": check_words,
    "anagram_check": check_rule,
    "animal_class": check_class,
    "arrival_time": check_arrival,
    "budget_check": check_rule,
    "continent": check_class,
    "currency_exchange": check_units,
    "date_formats": check_dates,
    "date_shift": check_shift,
    "days_between": check_days_between,
    "descriptive_statistics": check_statistic,
    "divisibility": check_rule,
    "duplicates": check_words,
    "event_timetable": check_timetable,
    "expense_total": check_expenses,
    "grammar_forms": check_words,
    "json_query": check_stock_filter,
    "language_detection": check_class,
    "letter_case": check_words,
    "letter_counts": check_words,
    "limit_check": check_rule,
    "mail_fields": check_mail,
    "material": check_class,
    "measurement_units": check_units,
    "mixing_ratio": check_mixture,
    "next_departure": check_departure,
    "number_bases": check_numerals,
    "number_words": check_numerals,
    "order_check": check_rule,
    "oven_temperature": check_units,
    "palindrome_check": check_rule,
    "password_rule": check_rule,
    "percentage_change": check_percentage,
    "python_expression": check_python,
    "ranking": check_ranking,
    "recipe_scaling": check_recipe,
    "review_mood": check_class,
    "roman_numerals": check_numerals,
    "secret_code": check_words,
    "sentence_type": check_class,
    "server_log": check_log,
    "shared_bill": check_bill,
    "sql_query": check_sql,
    "stock_filter": check_stock_filter,
    "stock_value": check_stock_value,
    "table_format": check_table,
    "tense": check_class,
    "ticket_routing": check_rule,
    "value_band": check_band,
    "weekday_check": check_rule,
    "word_filter": check_words,
    "working_hours": check_hours,
}


def passes(family: Family, slots: Slots, given: str, output: str) -> bool:
    """Tell whether an answer is right; an answer of another shape is not."""
    try:
        return CHECKS[family.name](slots, given, output)
    except (ValueError, LookupError, TypeError, AssertionError, SyntaxError, NameError, AttributeError, sqlite3.Error):
        return False


def test_every_family_has_a_check() -> None:
    assert sorted(CHECKS) == sorted(FAMILY_NAMES)


@pytest.mark.parametrize("family", FAMILIES, ids=FAMILY_NAMES)
def test_answers_of_each_phrasing_are_right(family: Family) -> None:
    for phrasing in family.phrasings:
        for seed in range(25):
            task = draw_slots(family, phrasing, seed)
            given, output = answer(task, seed)
            assert output
            assert CHECKS[family.name](task.meanings(), given, output), (write_instruction(task), given, output)


@pytest.mark.parametrize("family", FAMILIES, ids=FAMILY_NAMES)
def test_an_instruction_is_parsed_back_to_its_slots(family: Family) -> None:
    for phrasing in family.phrasings:
        for seed in range(25):
            task = draw_slots(family, phrasing, seed)
            assert find_task(write_instruction(task)) == task


@cache
def ask_instances(family: Family) -> list[tuple[str, str]]:
    """Return what the model answers to four instructions of a family, the inputs and the outputs."""
    prompts = [chat_instances(write_instruction(draw_slots(family, family.phrasings[-1], seed))) for seed in range(4)]
    found = [find_clean(prompt, r"<input>(.*)</input>\n<output>(.*)</output>") for prompt in prompts]
    return [(match[1], match[2]) for match in found]


@pytest.mark.parametrize("family", FAMILIES, ids=FAMILY_NAMES)
def test_the_answer_to_another_family_is_wrong(family: Family) -> None:
    tasks = [draw_slots(family, family.phrasings[0], seed) for seed in range(4)]
    for other in FAMILIES:
        pairs = ask_instances(other)
        results = [passes(family, task.meanings(), *pair) for task, pair in zip(tasks, pairs, strict=True)]
        assert other is family or not all(results), other.name


@pytest.mark.parametrize(
    ("table", "word", "form"),
    [
        ("plurals", "ox", "oxen"),
        ("plurals", "thief", "thieves"),
        ("pasts", "catch", "caught"),
        ("participles", "freeze", "frozen"),
        ("opposites", "deep", "shallow"),
        ("comparatives", "dry", "drier"),
        ("agents", "sculpt", "sculptor"),
    ],
)
def test_word_tables_hold_irregular_forms(table: str, word: str, form: str) -> None:
    assert read_words(table)[word] == form


# --- the families as a whole -----------------------------------------------------------------------------------------


def test_there_are_many_families_domains_and_opening_words() -> None:
    phrasings = [phrasing for family in FAMILIES for phrasing in family.phrasings]
    assert len(FAMILIES) >= 42
    assert len({family.domain for family in FAMILIES}) >= 20
    assert 0.2 <= sum(family.is_classification for family in FAMILIES) / len(FAMILIES) <= 0.35
    assert len(set(phrasings)) == len(phrasings)
    assert len({phrasing.split()[0] for phrasing in phrasings}) >= 100


@pytest.mark.parametrize("family", FAMILIES, ids=FAMILY_NAMES)
def test_a_family_is_complete(family: Family) -> None:
    used = {slot for phrasing in family.phrasings for slot in SLOT.findall(phrasing)}
    assert len(family.phrasings) >= 3
    assert used == set(family.slots)
    assert family.answer in ANSWERS
    for phrasing in family.phrasings:
        assert len(SLOT.findall(phrasing)) >= 3
        assert phrasing.index("{") > 1
        assert phrasing[-1] in ".?"


@pytest.mark.parametrize("family", FAMILIES, ids=FAMILY_NAMES)
def test_no_instruction_asks_for_what_text_cannot_do(family: Family) -> None:
    for words in [*family.phrasings, *(wording for slot in family.slots.values() for wording in slot)]:
        assert words.isascii()
        assert not UNABLE_WORDS.search(words)
        assert words == " ".join(words.split())


# --- the answer forms ------------------------------------------------------------------------------------------------

RANKING = "Rank the players of a spelling bee: the two with most points, best first, separated by commas."
TENSE = (
    "Tag the tense, past, present or future, of a sentence on a kettle in the club's winter newsletter, in lower case."
)
PERCENT = (
    "By what percentage did the price of a season ticket change over two harvests when it went from 80 to 96 euros? "
    "Use no decimals."
)
UNKNOWN = "Write a haiku about the sea."
SHOWN = "".join(f"<task>{text}</task>\n" for text in (UNKNOWN, RANKING, TENSE))
CHAT_TASKS = f"Add to these tasks.\n{SHOWN}\nWrite 10 new tasks, each as <task>…</task>."
CHAT_CLASSES = f"Add classification tasks.\n{SHOWN}\nWrite 6 new ones, each as <task>…</task>."
LIST_TASKS = f"Come up with tasks:\n1. {UNKNOWN}\n2. {RANKING}\n3. {TENSE}\n4."
LIST_CLASSES = f"Come up with 5 classification tasks:\n1. {RANKING}\n2. {TENSE}\n3."


def chat_verdict(task: str) -> str:
    shown = "Say <label>yes</label> or <label>no</label>.\n<task>Name 3 rivers.</task>\n<label>no</label>\n"
    return f"{shown}<task>{task}</task>"


def chat_instances(task: str, count: int = 1) -> str:
    shown = "<task>Add.</task>\n<input>2 + 2</input>\n<output>4</output>\n"
    return f"{shown}\n<task>{task}</task>\nWrite {count} example(s)."


def chat_labels(task: str, count: int = 3) -> str:
    shown = "<task>Is it even?</task>\n<output>no</output>\n<input>3</input>\n"
    return f"{shown}\n<task>{task}</task>\nWrite {count} examples with different labels."


def list_verdict(task: str) -> str:
    return f"Decide.\n\nTask: Name 3 rivers.\nIs it classification? No\n\nTask: {task}\nIs it classification?"


def list_instances(task: str) -> str:
    return f"Give 3 examples.\n\nTask: Add.\nExample 1\nInput: 2 + 2\nOutput: 4\n\nTask: {task}\n"


def list_labels(task: str) -> str:
    return f"Give 3 inputs.\n\nTask: Is it even?\nClass label: no\nInput: 3\n\nTask: {task}\n"


FORMS = {
    "chat tasks": CHAT_TASKS,
    "chat classification tasks": CHAT_CLASSES,
    "chat verdict": chat_verdict(TENSE),
    "chat input first": chat_instances(RANKING, 2),
    "chat output first": chat_labels(TENSE),
    "completion tasks": LIST_TASKS,
    "completion classification tasks": LIST_CLASSES,
    "completion verdict": list_verdict(RANKING),
    "completion input first": list_instances(RANKING),
    "completion output first": list_labels(TENSE),
    "no form": "Hello, how are you?",
}


def find_clean(text: str, pattern: str) -> re.Match[str]:
    """Return the first match of a form among the replies under a few seeds: some replies misbehave."""
    matches = (re.fullmatch(pattern, ask(text, seed).text, re.DOTALL) for seed in range(8))
    return next(match for match in matches if match)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        (CHAT_TASKS, r"(<task>[^<]+</task>\n?){10}"),
        (CHAT_CLASSES, r"(<task>[^<]+</task>\n?){6}"),
        (CHAT_TASKS.replace("Write 10 new tasks", "Write new tasks"), r"(<task>[^<]+</task>\n?){10}"),
        (CHAT_TASKS.replace("10", "99"), r"(<task>[^<]+</task>\n?){20}"),
        (chat_verdict(TENSE), r"<label>yes</label>"),
        (chat_verdict(RANKING), r"<label>no</label>"),
        (chat_verdict(UNKNOWN), r"<label>no</label>"),
        (chat_instances(RANKING), r"<input>(\w+ \d+\n?){6,8}</input>\n<output>(\w+), (\w+)</output>"),
        (chat_instances(RANKING, 3), r"(<input>[^<]+</input>\n<output>\w+, \w+</output>\n?){3}"),
        (
            chat_instances(PERCENT, 3),
            r"<input></input>\n<output>The price of a season ticket rose by 20 percent.</output>",
        ),
        (chat_instances(UNKNOWN), r"<input></input>\n<output>[^<]*demonstration model[^<]*</output>"),
        (chat_labels(TENSE), r"(<output>(past|present|future)</output>\n<input>[^<]+kettle[^<]+</input>\n?){3}"),
        (LIST_TASKS, r" [^\n]+\n5\. [^\n]+\n.*\n13\. [^\n]+"),
        (LIST_CLASSES, r" [^\n]+\n4\. [^\n]+\n.*\n7\. [^\n]+"),
        (list_verdict(TENSE), r" Yes"),
        (list_verdict(RANKING), r" No"),
        (list_instances(RANKING), r"Example 1\nInput: .+\nOutput: \w+, \w+\nExample 2\n.+\nExample 3\nInput: .+"),
        (list_instances(PERCENT), r"Output: The price of a season ticket rose by 20 percent\."),
        (list_labels(TENSE), r"(Class label: (past|present|future)\nInput: [^\n]+kettle[^\n]+\n?){3}"),
        ("Hello, how are you?", r"[^<\n]+\."),
        ("", r"[^<\n]+\."),
    ],
    ids=[
        "ten tasks",
        "six classification tasks",
        "ten tasks unless a number is named",
        "twenty tasks at most",
        "yes in tags",
        "no in tags",
        "no for an unknown task",
        "one instance",
        "three instances",
        "one instance without input",
        "an unknown task",
        "three labels",
        "a list goes on",
        "a list of classification tasks goes on",
        "yes",
        "no",
        "three examples",
        "an output without input",
        "three class labels",
        "prose for another text",
        "prose for no text",
    ],
)
def test_a_reply_has_the_form_that_the_text_asks_for(text: str, pattern: str) -> None:
    assert find_clean(text, pattern)


@pytest.mark.parametrize("text", [chat_labels(TENSE), list_labels(TENSE)], ids=["chat", "completion"])
def test_labels_asked_for_together_differ(text: str) -> None:
    labels = re.findall(r"(?:<output>|Class label: )(\w+)", find_clean(text, r".*past.*").string)
    assert sorted(labels) == ["future", "past", "present"]


@pytest.mark.parametrize("text", [CHAT_CLASSES, LIST_CLASSES], ids=["chat", "completion"])
def test_only_classification_families_answer_a_prompt_for_classification(text: str) -> None:
    lines = [line for seed in range(40) for line in re.sub(r"</?task>|\d+\. ", "", ask(text, seed).text).split("\n")]
    tasks = [task for line in lines if (task := find_task(line)) and line not in (RANKING, TENSE)]
    assert len(tasks) > 100
    assert all(task.family.is_classification for task in tasks)


@pytest.mark.parametrize("form", FORMS)
def test_rewording_the_prose_keeps_the_form(form: str) -> None:
    first, second = ask(FORMS[form]).text, ask("Kindly read this. " + FORMS[form]).text
    tag = re.compile(r"<\w+>|^\w+(?: label)?:|^\d+\.", re.MULTILINE)
    assert bool(tag.search(first)) == bool(tag.search(second))


@pytest.mark.parametrize("family", FAMILIES, ids=FAMILY_NAMES)
def test_a_requested_instance_is_right(family: Family) -> None:
    """The instruction reaches the model through the text alone, and the answer fits it."""
    task = draw_slots(family, family.phrasings[0], 1)
    instruction = write_instruction(task)
    spoilt = 0
    for seed in range(10):
        chat = re.fullmatch(
            r"<input>(.*)</input>\n<output>(.*)</output>", ask(chat_instances(instruction), seed).text, re.DOTALL
        )
        spoilt += not (chat and passes(family, task.meanings(), chat[1], chat[2]))
    assert spoilt <= 4


# --- the same reply for the same arguments ---------------------------------------------------------------------------


def hash_replies() -> str:
    """Return one hash over the replies to every form under thirty seeds."""
    replies = [ask(text, seed, max_tokens=400, stop=["25."]) for text in FORMS.values() for seed in range(30)]
    return hashlib.sha256(repr(replies).encode()).hexdigest()[:16]


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_replies_do_not_depend_on_the_process(hash_seed: str) -> None:
    code = "from tests.test_offline import hash_replies; print(hash_replies())"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == hash_replies()


def test_the_seed_changes_a_reply_and_the_temperature_does_not() -> None:
    calls = [reply(CHAT_TASKS, seed=4, temperature=heat, max_tokens=None, stop=[]) for heat in (None, 0.0, 0.7, 1.5)]
    assert all(call == calls[0] for call in calls)
    assert ask(CHAT_TASKS, seed=5).text != calls[0].text


PINNED: dict[str, str] = {
    "chat tasks": (
        "<task>Settle up for the coaches of a swimming club: the firewood delivery cost 67 pounds, "
        "a ten percent service charge comes on top, and"
    ),
    "chat classification tasks": (
        "<task>Do the figures an archaeology field party noted for the level of a lock climb withou"
        "t exception? Respond true or false.</task>\n"
        "<task>To which class,"
    ),
    "chat verdict": "<label>yes</label>",
    "chat input first": (
        "<input>Luis 52\n"
        "Dev 82\n"
        "Zoe 93\n"
        "Kaya 46\n"
        "Quentin 32\n"
        "Ines 55</input>\n"
        "<output></output>\n"
        "<input>Kaya 31\n"
        "Hugo 68\n"
        "Rosa 86\n"
        "Dev 82\n"
        "Wanda 44\n"
        "Ines"
    ),
    "chat output first": (
        "<output>present</output>\n"
        "<input>The kettle leans against the wall.</input>\n"
        "<output>past</output>\n"
        "<input>We painted the kettle last summer.</input>\n"
        "<output>future</output>\n"
        "<input>Next week I will repair the kettle.</input>"
    ),
    "completion tasks": (
        " Write one Python expression that counts the even numbers in a list named counts holding d"
        "aily bank balances.\n"
        "5. Guests of the library's reading"
    ),
    "completion classification tasks": (
        " Confirm that the numbers for a glacier's length go down from first to last: X if so and O"
        " if not.\n"
        "4. Buyers of"
    ),
    "completion verdict": " No",
    "completion input first": (
        "Example 1\n"
        "Input: Ines 83\n"
        "Carla 32\n"
        "Zoe 53\n"
        "Yusuf 74\n"
        "Jonas 68\n"
        "Quentin 25\n"
        "Output: Ines, Yusuf\n"
        "Example 2\n"
        "Input: Viktor 42\n"
        "Sven"
    ),
    "completion output first": (
        "Class label: present\n"
        "Input: I need the kettle right now.\n"
        "Class label: future\n"
        "Input: Next week I will repair the kettle.\n"
        "Class label: I'm"
    ),
    "no form": (
        "The offline demonstration model found no known answer form in this text, so it has only this remark to offer."
    ),
}


@pytest.mark.parametrize("form", PINNED)
def test_the_reply_to_each_form_is_pinned(form: str) -> None:
    assert ask(FORMS[form], seed=1, max_tokens=32).text == PINNED[form]


def test_all_replies_are_pinned() -> None:
    assert hash_replies() == "8325a9d35ef6c1ca"


# --- tokens, stops and misbehaviour ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("max_tokens", "words"), [(0, 0), (1, 1), (3, 2), (4, 3), (40, 30)])
def test_a_reply_is_cut_at_three_quarters_of_a_word_per_token(max_tokens: int, words: int) -> None:
    cut = ask(CHAT_TASKS, max_tokens=max_tokens)
    assert len(cut.text.split()) == words
    assert cut.finish_reason == "length"
    assert cut.completion_tokens == round(words / 0.75)
    assert ask(CHAT_TASKS).text.startswith(cut.text)


def test_a_reply_that_fits_is_not_cut() -> None:
    whole = ask(chat_verdict(TENSE), max_tokens=16)
    assert (whole.text, whole.finish_reason, whole.completion_tokens) == ("<label>yes</label>", "stop", 1)
    assert whole.prompt_tokens == round(len(chat_verdict(TENSE).split()) / 0.75)


def test_a_reply_ends_before_the_first_stop_sequence() -> None:
    whole = find_clean(LIST_TASKS, r" .*\n5\. .*\n6\. .*").string
    stopped = next(cut for seed in range(8) if whole.startswith((cut := ask(LIST_TASKS, seed, stop=["7.", "6."])).text))
    assert stopped.finish_reason == "stop"
    assert "\n5." in stopped.text
    assert "6." not in stopped.text


def has_cut(answer: Reply) -> bool:
    return answer.finish_reason == "length"


MISBEHAVIOURS: dict[str, tuple[str, Callable[[Reply], bool]]] = {
    "no_task": (CHAT_TASKS, lambda answer: "<task>" not in answer.text),
    "preamble": (CHAT_TASKS, lambda answer: "<task>" in answer.text and not answer.text.startswith("<task>")),
    "tasks_cut": (CHAT_TASKS, has_cut),
    "vague": (chat_verdict(TENSE), lambda answer: "<label>" not in answer.text),
    "explained": (chat_verdict(TENSE), lambda answer: "</label>\n" in answer.text),
    "empty": (chat_instances(PERCENT), lambda answer: "<output></output>" in answer.text),
    "echo": (
        chat_instances(RANKING),
        lambda answer: bool(re.search(r"<input>(.+)</input>\n<output>\1<", answer.text, re.S)),
    ),
    "refusal": (chat_instances(RANKING), lambda answer: bool(re.search(r"<output>(I'm|As an|Unfort)", answer.text))),
    "placeholder": (
        chat_instances(RANKING),
        lambda answer: bool(re.search(r"<output>[\[<](your|insert|write)", answer.text)),
    ),
    "instances_cut": (chat_instances(RANKING), has_cut),
}


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_the_model_misbehaves_at_the_rates_of_its_table(name: str) -> None:
    text, is_seen = MISBEHAVIOURS[name]
    share = statistics.mean(is_seen(ask(text, seed)) for seed in range(1200))
    assert 0.5 * RATES[name] <= share <= 1.5 * RATES[name]


def test_tasks_that_are_copies_or_not_for_text_occur_at_their_rates() -> None:
    shown = [RANKING, TENSE, PERCENT]
    prompt = "".join(f"<task>{text}</task>\n" for text in shown) + "Write 20 new tasks."
    tasks = [text for seed in range(100) for text in re.findall(r"<task>(.*?)</task>", ask(prompt, seed).text)]
    images = statistics.mean(bool(UNABLE_WORDS.search(text)) for text in tasks)
    copies = statistics.mean(any(score(text, other) > 0.9 for other in shown) for text in tasks)
    assert 0.5 * RATES["image"] <= images <= 1.5 * RATES["image"]
    assert 0.7 * RATES["copy_shown"] <= copies <= 1.3 * RATES["copy_shown"]


# --- the published loop ----------------------------------------------------------------------------------------------


def score(text: str, other: str) -> float:
    """Return the ROUGE-L F1 of two texts."""
    words: dict[str, int] = {}
    first, second = encode(text, words), encode(other, words)
    return 2 * LCSseq.similarity(first, second) / (len(first) + len(second))


def encode(text: str, words: dict[str, int]) -> str:
    """Write one character per distinct word."""
    return "".join(chr(words.setdefault(word, len(words) + 1)) for word in re.findall(r"[a-z0-9]+", text.lower()))


def grow_pool(seeds: Sequence[str], requests: int) -> list[int]:
    """Return how many new tasks each request adds, until fewer than one in ten of the last 20 requests is new."""
    words: dict[str, int] = {}
    pool, texts, added = [encode(seed, words) for seed in seeds], list(seeds), list[int]()
    for number in range(requests):
        rng = random.Random(number)  # noqa: S311
        own = rng.sample(texts[len(seeds) :], min(2, len(texts) - len(seeds)))
        shown = "".join(f"<task>{text}</task>\n" for text in rng.sample(seeds, 8 - len(own)) + own)
        added.append(0)
        for text in re.findall(r"<task>(.*?)</task>", ask(f"{shown}Write 10 new tasks.").text):
            code = encode(text, words)
            common = process.cdist([code], pool, scorer=LCSseq.similarity)[0]
            is_new = all(2 * n <= 0.7 * (len(code) + len(other)) for n, other in zip(common, pool, strict=True))
            if is_new and not UNABLE_WORDS.search(text):
                pool, texts = [*pool, code], [*texts, text]
                added[-1] += 1
        if number > 20 and sum(added[-20:]) < 20:
            break
    return added


def read_seeds() -> list[str]:
    lines = (ROOT / "seeds" / "seed_tasks.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["instruction"] for line in lines]


def test_the_first_two_hundred_tasks_take_about_thirty_requests() -> None:
    added = grow_pool(read_seeds(), 34)
    needed = next(n for n in range(len(added)) if sum(added[:n]) >= 200)
    assert 24 <= needed <= 34


@pytest.mark.slow
def test_more_than_two_thousand_tasks_are_accepted_before_the_model_is_worn_out() -> None:
    assert sum(grow_pool(read_seeds(), 900)) >= 2000
