"""How often the book misbehaves as language models do, and its words when it does.

The rates are round numbers, chosen so that a short run shows every kind. No setting of the pipeline is tuned on them.
"""

import random

RATES = {
    # each reply that deals tasks
    "no_task": 0.02,  # a refusal instead of tasks
    "preamble": 0.06,  # a line before the first task
    "closing": 0.06,  # a remark after the last one
    "thinking": 0.03,  # reasoning in front of the answer
    "own_numbers": 0.05,  # numbers of its own, in bold, that start again at 1 halfway
    "tasks_cut": 0.04,  # the answer ends in the middle of a task
    # each task dealt
    "copy": 0.04,  # a task of the prompt word for word
    "near_copy": 0.06,  # a task of the prompt with a word changed
    "image": 0.03,  # a task that needs an image
    "with_input": 0.02,  # a task with its input run into it
    # each verdict
    "vague": 0.02,  # neither yes nor no
    "explained": 0.05,  # the reason follows
    # each reply with instances
    "instances_cut": 0.02,  # the answer ends in the middle of an instance
    # each instance
    "empty": 0.02,  # no output
    "echo": 0.02,  # the output repeats the input
    "refusal": 0.02,  # a refusal in place of the output
    "placeholder": 0.02,  # a blank to be filled in, in place of the output
    "no_input": 0.25,  # `<noinput>` or `N/A` where the input should be empty
    "contradiction": 0.04,  # an input of a classification task again, with another label
}
PHRASES = {
    "no_task": ("I'm sorry, but I can't help with that.", "I cannot add tasks to this collection."),
    "preamble": ("Sure! Here are some new tasks:", "Here are the tasks you asked for:", "Of course. New tasks:"),
    "closing": ("Let me know if you would like more tasks.", "I hope these are useful!", "Shall I add some more?"),
    "thinking": (
        "<think>They want variety, so I should mix questions and requests.</think>",
        "<think>None of these may repeat the tasks shown.</think>",
    ),
    "image": (
        "Describe what the people in the attached photo are doing.",
        "Write a caption for this picture of our new shop.",
        "Which breed is the dog in the image?",
        "List the road signs that appear in the video.",
        "Read the handwriting in the attached image and type it out.",
    ),
    "vague": ("It depends on how the task is read.", "This could be seen either way."),
    "yes": ("The answer is one of the labels that the task names.", "There is a fixed set of labels."),
    "no": ("The answer is free text.", "There is no fixed set of labels."),
    "refusal": ("I'm sorry, but I cannot help with this.", "As an AI language model, I am unable to do this."),
    "placeholder": ("[your answer here]", "...", "[insert text]"),
    "no_input": ("<noinput>", "N/A"),
    "unknown": ("I do not know this task.",),
    "prose": ("I only deal tasks from a book, and this asks for something else.",),
}
_SYNONYMS = {
    "write": "compose",
    "explain": "describe",
    "list": "name",
    "give": "offer",
    "turn": "change",
    "make": "create",
    "what": "which",
    "tell": "show",
    "my": "our",
    "our": "my",
    "the": "this",
    "a": "one",
    "i": "we",
}


def happens(fault: str, chance: random.Random) -> bool:
    """Return whether a fault happens now."""
    return chance.random() < RATES[fault]


def say(kind: str, chance: random.Random) -> str:
    """Return one of the phrases of a kind."""
    return chance.choice(PHRASES[kind])


def near_copy(instruction: str, chance: random.Random) -> str:
    """Return an instruction with one word changed, or with "Please" in front."""
    words = instruction.split()
    places = [place for place, word in enumerate(words) if word.lower() in _SYNONYMS]
    if not places:
        return f"Please {instruction[:1].lower()}{instruction[1:]}"
    place = chance.choice(places)
    changed = _SYNONYMS[words[place].lower()]
    words[place] = changed.capitalize() if words[place][0].isupper() else changed
    return " ".join(words)


def cut_short(text: str, chance: random.Random) -> str:
    """Return a text without its end: at least its first half stays."""
    return text[: int(len(text) * chance.uniform(0.5, 0.9))]
