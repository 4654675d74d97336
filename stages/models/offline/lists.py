"""Answers made from lists, tables, logs, mail and code. Each function: meanings, generator -> input, output."""

import json
import random
from collections.abc import Callable, Mapping, Sequence

from stages.models.offline.families import read_words

Slots = Mapping[str, str]


def lay_out(entries: Sequence[str], layout: str) -> str:
    """Return entries as one text: numbered, with bullets, as JSON, or joined by the layout itself."""
    if not entries:
        return "none"
    if layout == "json":
        return json.dumps(entries)
    if layout in ("numbered", "bullets"):
        return "\n".join(f"{n}. {e}" if layout == "numbered" else f"- {e}" for n, e in enumerate(entries, 1))
    return layout.join(entries)


def shift_letters(text: str, places: int) -> str:
    """Return lower-case letters moved along the alphabet; other characters stay."""
    return "".join(chr((ord(c) - 97 + places) % 26 + 97) if "a" <= c <= "z" else c for c in text)


EDITS: dict[str, Callable[[list[str], str], list[str]]] = {
    "sort": lambda words, key: sorted(words, reverse=key == "down"),
    "by_length": lambda words, key: sorted(words, key=lambda word: (len(word) * int(key), word)),
    "by_end": lambda words, key: sorted(words, key=lambda word: word[::-1]),
    "reverse": lambda words, key: words[::-1],
    "letters_back": lambda words, key: [word[::-1] for word in words],
    "once": lambda words, key: list(dict.fromkeys(words)),
    "once_last": lambda words, key: list(dict.fromkeys(words[::-1]))[::-1],
    "twice": lambda words, key: [word for word in dict.fromkeys(words) if words.count(word) > 1],
    "single": lambda words, key: [word for word in words if words.count(word) == 1],
    "counted": lambda words, key: [f"{word} ({words.count(word)})" for word in dict.fromkeys(words)],
    "upper": lambda words, key: [word.upper() for word in words],
    "title": lambda words, key: [word.capitalize() for word in words],
    "last_upper": lambda words, key: [word[:-1] + word[-1].upper() for word in words],
    "alternate": lambda words, key: ["".join(c.upper() if n % 2 else c for n, c in enumerate(w)) for w in words],
    "shift": lambda words, key: [shift_letters(word, int(key)) for word in words],
    "no_vowels": lambda words, key: ["".join(c for c in word if c not in "aeiou") for word in words],
    "stars": lambda words, key: ["".join("*" if c in "aeiou" else c for c in word) for word in words],
    "longer": lambda words, key: [word for word in words if len(word) > int(key)],
    "starts": lambda words, key: [word for word in words if word[0] in key],
    "count_letters": lambda words, key: [f"{word}: {sum(c in (key or word) for c in word)}" for word in words],
    "table": lambda words, key: [read_words(key)[word] for word in words],
}


def edit_words(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Edit a list of words by one of the EDITS."""
    name, _, key = slots["edit"].partition(" ")
    words = rng.sample(list(read_words(key)) if name == "table" else slots["things"].split("|"), rng.randint(4, 7))
    if slots.get("repeats"):
        words = rng.sample(words + rng.sample(words, 3), len(words) + 3)
    return ", ".join(words), lay_out(EDITS[name](words, key), slots["layout"])


def spell_acronyms(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Take the first letters of names of organisations."""
    names = [" ".join(rng.sample(read_words("acronym_words"), rng.randint(3, 5))) for _ in range(rng.randint(2, 4))]
    letters = [slots["joint"].join(word[0] for word in name.split()) for name in names]
    return "\n".join(names), lay_out(letters, slots["layout"])


def write_table(header: Sequence[str], rows: Sequence[Sequence[str]], kind: str) -> str:
    """Return rows as csv, tsv, markdown, json (a list of objects) or pairs ("name: value" lines)."""
    if kind == "json":
        return json.dumps([dict(zip(header, row, strict=True)) for row in rows])
    if kind == "pairs":
        return "\n".join("; ".join(f"{k}: {v}" for k, v in zip(header, row, strict=True)) for row in rows)
    if kind == "markdown":
        return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])
    return "\n".join((", " if kind == "csv" else "\t").join(row) for row in [header, *rows])


def draw_stock(slots: Slots, rng: random.Random) -> list[list[str]]:
    """Return rows of name, stock and price, with the goods of the slot `shop`."""
    goods = rng.sample(slots["shop"].split("|"), rng.randint(4, 6))
    return [[name, str(rng.randint(2, 60)), f"{rng.randint(1, 40)}.{rng.choice('05')}0"] for name in goods]


STOCK = ("name", "stock", "price")


def filter_stock(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Name the rows above or below a limit."""
    rows, column = draw_stock(slots, rng), STOCK.index(slots["column"])
    sign, limit = (1 if slots["side"] == "above" else -1), int(slots["limit"])
    kept = [row[0] for row in rows if (float(row[column]) - limit) * sign > 0]
    return write_table(STOCK, rows, slots["kind"]), lay_out(kept, slots["layout"])


def rewrite_table(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Sort a table and write it in another format."""
    rows, column = draw_stock(slots, rng), STOCK.index(slots["column"])
    ordered = sorted(rows, key=lambda row: (float(row[column]) if column else 0, row[column]))
    return write_table(STOCK, rows, slots["kind"]), write_table(STOCK, ordered, slots["new_kind"])


def value_stock(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Multiply stock by price and add up."""
    rows = draw_stock(slots, rng)
    cents = {row[0]: int(row[1]) * round(float(row[2]) * 100) for row in rows}
    chosen = {"all": list(cents.values()), "most": [max(cents.values())], "least": [min(cents.values())]}[
        slots["which"]
    ]
    return write_table(STOCK, rows, slots["kind"]), f"{sum(chosen) // 100}.{sum(chosen) % 100:02} {slots['currency']}"


def rank_names(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Name the best or the worst of a list of scores."""
    names = rng.sample(read_words("names"), rng.randint(6, 8))
    scores = dict(zip(names, rng.sample(range(10, 99), len(names)), strict=True))
    ranked = sorted(names, key=lambda name: scores[name] * int(slots["sign"]))[: int(slots["places"])]
    return "\n".join(f"{name} {score}" for name, score in scores.items()), lay_out(ranked, slots["layout"])


def total_expenses(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Add up the amounts of one kind of expense."""
    kinds = [slots["expense"], *rng.sample([kind for kind in read_words("expenses") if kind != slots["expense"]], 2)]
    spent = [(kinds[place % 3], rng.randint(200, 9000)) for place in rng.sample(range(8), 8)]
    total = sum(cents for kind, cents in spent if kind == slots["expense"])
    given = "\n".join(f"{kind}: {cents // 100}.{cents % 100:02}" for kind, cents in spent)
    return given, f"{total // 100}.{total % 100:02} {slots['currency']}"


def read_log(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Count or time the lines of one level and service."""
    lines = []
    for _ in range(8):
        service, level = rng.choice([slots["service"], "gateway"]), rng.choice([slots["level"], slots["level"], "INFO"])
        minutes = rng.randrange(1440)
        lines.append((f"{minutes // 60:02}:{minutes % 60:02}:{rng.randrange(60):02}", level, service))
    found = [time for time, level, service in sorted(lines) if (level, service) == (slots["level"], slots["service"])]
    reports = {"count": str(len(found)), "first": (found or ["none"])[0], "last": (found or ["none"])[-1]}
    return "\n".join(" ".join(line) for line in sorted(lines)), reports.get(slots["report"], ", ".join(found) or "none")


def read_mail(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Take fields out of an e-mail."""
    name, city, weekday = (rng.choice(read_words(kind)) for kind in ("names", "cities", "weekdays"))
    time, number = f"{rng.randint(8, 19):02}:{rng.choice(['00', '15', '30', '45'])}", str(rng.randint(1000, 9999))
    fields = {"sender": name, "city": city, "weekday": weekday, "time": time, "reference": number}
    given = rng.choice(read_words("mails")).format(**fields, topic=slots["topic"])
    wanted = slots["fields"].split()
    return given, write_table(wanted, [[fields[field] for field in wanted]], slots["new_kind"])


def write_code(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Fill the slots into a line of code."""
    return "", slots["code"].format(**slots)
