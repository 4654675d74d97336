"""Answers that are labels. Each function: meanings, generator -> input, output. An input is made for a drawn label."""

import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta

from stages.models.offline.families import read_words

Slots = Mapping[str, str]


def make_number(key: str, truth: bool, rng: random.Random) -> str:
    """Return a number that is above the key, or not."""
    return str(int(key) + (rng.randint(1, 30) if truth else -rng.randint(0, min(int(key), 30))))


def make_multiple(key: str, truth: bool, rng: random.Random) -> str:
    """Return a multiple of the key, or a number that is none."""
    return str(int(key) * rng.randint(3, 90) + (0 if truth else rng.randint(1, int(key) - 1)))


def make_mirror(key: str, truth: bool, rng: random.Random) -> str:
    """Return a code that reads the same backwards, or not."""
    half = [rng.choice("abcdefghkmnprst246789") for _ in range(int(key))]
    mirror = half[-2::-1] if truth else [*half[-2:0:-1], "x"]
    return "".join(half + mirror)


def make_anagram(key: str, truth: bool, rng: random.Random) -> str:
    """Return two words with the same letters, or with one letter exchanged."""
    word = rng.choice(key.split("|"))
    letters = rng.sample(word, len(word))
    letters[0] = letters[0] if truth else rng.choice([c for c in "aeioubcdfghlmnprst" if c not in word])
    return f"{word} / {''.join(letters)}"


def make_date(key: str, truth: bool, rng: random.Random) -> str:
    """Return a date that falls on one of the weekdays in the key (Monday is 0), or on another one."""
    days = [day for day in range(7) if (str(day) in key) == truth]
    return str(date(2018, 1, 1) + timedelta(days=rng.choice(days) + 7 * rng.randrange(500)))


def make_message(key: str, truth: bool, rng: random.Random) -> str:
    """Return a message with one of the words in the key, or with none of them."""
    word = rng.choice(key.split("|") if truth else read_words("harmless"))
    return str(rng.choice(read_words("messages"))).format(word=word)


def make_password(key: str, truth: bool, rng: random.Random) -> str:
    """Return a password with a digit and at least as many characters as the key says, or with only one of both."""
    has_digit, is_long = (True, True) if truth else rng.choice([(True, False), (False, True)])
    size = int(key) + rng.randint(0, 4) if is_long else int(key) - rng.randint(1, 3)
    letters = [rng.choice("abcdefghijkmnopqrstuvwxyzABCDEFGHKLMNPRSTUVWXYZ_-") for _ in range(size)]
    letters[rng.randrange(size)] = rng.choice("23456789") if has_digit else "q"
    return "".join(letters)


def make_order(key: str, truth: bool, rng: random.Random) -> str:
    """Return numbers that rise (key 1) or fall (key -1) throughout, or that do not."""
    numbers = sorted(rng.sample(range(1, 99), rng.randint(4, 7)), key=lambda number: number * int(key))
    numbers = numbers if truth else [*numbers[1:], numbers[0]]
    return ", ".join(map(str, numbers))


def make_basket(key: str, truth: bool, rng: random.Random) -> str:
    """Return three prices that together stay within the key, or do not."""
    total = int(key) - rng.randint(0, int(key) // 3) if truth else int(key) + rng.randint(1, 12)
    first, second = sorted(rng.sample(range(1, total), 2))
    return f"{first} + {second - first} + {total - second}"


MAKERS: dict[str, Callable[[str, bool, random.Random], str]] = {
    "above": make_number,
    "multiple": make_multiple,
    "mirror": make_mirror,
    "anagram": make_anagram,
    "date": make_date,
    "message": make_message,
    "password": make_password,
    "order": make_order,
    "basket": make_basket,
}
STYLES: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "capital": lambda label: label[0].upper() + label[1:],
    "brackets": "({})".format,
    "stop": "{}.".format,
    "hash": "#{}#".format,
}


def judge(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Make an input that keeps or breaks the rule; the first label means that it keeps it."""
    truth = rng.random() < 0.5
    first, second = slots["labels"].split("|")
    return MAKERS[slots["rule"]](slots["key"], truth, rng), first if truth else second


def name_class(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Take an example of one class from a table."""
    classes: Mapping[str, list[str]] = read_words(slots["classes"])
    label = rng.choice(list(classes))
    return rng.choice(classes[label]).format(**slots), STYLES[slots["style"]](label)


def name_band(slots: Slots, rng: random.Random) -> tuple[str, str]:
    """Make a number and name the band that it falls in: below the first limit, from the second on, or between."""
    low, high, band = int(slots["low"]), int(slots["high"]), rng.randrange(3)
    number = rng.randrange(*[(max(0, low - 15), low), (low, high), (high, high + 20)][band])
    return f"{number} {slots['unit']}", slots["labels"].split("|")[band]
