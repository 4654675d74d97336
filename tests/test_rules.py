"""What each rule drops, what it keeps, and texts that only look broken."""

import time

import pytest

from stages.contract.records import Instance
from stages.rules.candidates import candidate_rules
from stages.rules.flags import FLAGS
from stages.rules.instances import RULES
from stages.rules.table import broken
from tests.llm_server import configure
from tests.records import instance
from tests.repository import ROOT

CANDIDATE_RULES = candidate_rules(configure().generate)
RIVERS = "Name three rivers in Asia."

DROPPED: dict[str, list[tuple[str, str, str]]] = {
    "output_empty": [(RIVERS, "", ""), (RIVERS, "", " \n"), (RIVERS, "", "\ufeff\u200b")],
    "output_placeholder": [
        ("List two uses of vinegar.", "", "<noinput>"),
        *(
            (RIVERS, "", output)
            for output in (
                *("N/A", "TBD", "TODO", "TODO: write the answer", "<nooutput>", "No output needed.", "to be completed"),
                *(
                    "...",
                    "-",
                    "____",
                    "[]",
                    "{}",
                    "null",
                    "XXX",
                    "</s>",
                    "<|im_end|>",
                    "Coming soon.",
                    "Lorem ipsum dolor.",
                ),
                *(
                    "[your answer here]",
                    "<names of the rivers>",
                    "{{answer}}",
                    "${answer}",
                    "(your answer goes here)",
                    "(insert rivers)",
                ),
                *(
                    "[River 1], [River 2]",
                    "1. [name of river]\n2. [name of river]",
                    "Answer: [your answer]",
                    "1. ...\n2. ...",
                ),
                *(
                    "Insert the names of the rivers here",
                    "Your answer here",
                    "[\u200byour answer]",
                    "**[Your answer]**",
                ),
            )
        ),
        ("Write a TODO list for a move.", "", "TODO"),
        ("Sort the given list.", "c, a", "[sorted list]"),
        ("Summarize the paragraph.", "The tide is high.", "<summary of the paragraph>"),
    ],
    "output_refusal": [
        (
            "Every builder words it differently: is the tax in the price? Reply included, extra or not stated.",
            "",
            "I'm sorry, but I can't help with that.",
        ),
        ("Write a sign for customers at the pond.", "", "I cannot assist with this request."),
        ("List two uses of vinegar.", "", "I'm sorry, but as an AI I cannot taste vinegar."),
        *(
            (RIVERS, "", output)
            for output in (
                "I'm sorry, but I can't help with that.",
                "I apologize, but I cannot help with that request.",
                "Thank you for asking. Unfortunately, I am unable to assist with that request.",
                "As a large language model, I cannot travel and do not know rivers.",
                "I'm just an AI, so this is beyond me.",
                "I don't have access to real-time information, so I can't tell.",
                "My training data ends in 2021.",
                "I must decline this request.",
                "I cannot name rivers.",
                "I'm sorry, I don't know.",
                "I’m\u200b unable to provide a list of rivers.",
                "This request goes against our content policy.",
            )
        ),
        ("Write a short apology to a guest.", "", "As an AI language model, I cannot write apologies."),
        ("Write a letter about spring.", "", "I'm sorry, but I can't help with that request."),
        ("What is your favourite colour?", "", "I don't have personal preferences."),
    ],
    "output_asks_back": [
        ("Fix the bug.", "", "I need to see it first. Could you paste it here?"),
        ("Summarize the text.", "", "Please provide the text that you would like me to summarize."),
        ("Sort the given list.", "", "Sure! Could you share the list that you want me to sort?"),
        ("Translate the sentence.", "", "What would you like me to translate?"),
        ("Classify the review.", "", "It seems you haven't provided a review."),
        ("Correct the sentence.", "", "No sentence was provided."),
        ("Find the bug in the code.", "", "There is no code provided."),
    ],
    "output_service_error": [
        ("List two uses of vinegar.", "", 'Traceback (most recent call last):\n  File "x", line 1\nValueError: x'),
        *(
            (RIVERS, "", output)
            for output in (
                "Error: 429 Too Many Requests. Please try again later.",
                "Internal Server Error",
                "503 Service Unavailable",
                '{"error": {"message": "overloaded"}}',
                "<html><head><title>502 Bad Gateway</title></head></html>",
                "litellm.RateLimitError: slow down",
            )
        ),
    ],
    "output_tool_call": [
        *(
            (RIVERS, "", output)
            for output in (
                '<tool_call>\n{"name": "search"}\n</tool_call>',
                '{"name": "search", "arguments": {"q": "rivers"}}',
                "Action: search\nAction Input: rivers",
                '```json\n[{"tool": "search", "input": "rivers"}]\n```',
            )
        ),
    ],
    "output_damaged": [(RIVERS, "", "The Yangtze, the Gang\ufffds"), (RIVERS, "", "The RhÃ´ne and the SaÃ´ne")],
    "output_repeats_input": [
        ("Name the capital.", "France", "France"),
        ("Paraphrase the sentence.", "The tide is high.", "the tide is  high"),
        ("Shorten the text.", "The tide is high, and boats rise.", "The tide is high and boats rise"),
    ],
    "output_repeats_instruction": [
        ("Name the capital of France.", "", "name the capital of France"),
        ("List two fruits.\napple: red\nplum: blue", "", "apple: red\nplum: blue"),
        ("Sort the list: c, a, b", "", "c, a, b"),
        ("What is the capital of France? Answer: Paris", "", "Paris."),
    ],
    "input_placeholder": [
        ("Summarize the text.", "[insert text here]", "It is short."),
        ("Translate the sentence.", "...", "Oui."),
        ("Classify the text.", "<text>", "news"),
    ],
    "input_only_url": [
        ("Summarize the article.", "https://news.example/harbour", "The harbour is deeper."),
        ("Summarize the article.", "Article: https://news.example/harbour", "The harbour is deeper."),
        ("Read the page at the link and give its main points.", "[page](www.news.example)", "It is deep."),
        ("Give the headlines.", "https://a.example/1\nhttps://a.example/2", "News."),
    ],
    "input_missing": [("Summarise the following text.", "", "It is short."), ("Fix the sentence below.", "", "It is.")],
    "output_repeats": [
        (RIVERS, "", "The Indus" + " and the Ganges and the Indus" * 20),
        (RIVERS, "", "Yes.\n" * 4),
        (RIVERS, "", "river " * 20),
        (RIVERS, "", "".join(f"{number}. Drink more water.\n" for number in range(5))),
        (RIVERS, "", "非常" * 40),
    ],
}

KEPT: dict[str, list[tuple[str, str, str]]] = {
    "output_empty": [("Name the digit after 8.", "", "9")],
    "output_placeholder": [
        ("Do as the example shows.", "3", "  *\n ***\n*****"),
        ("Draw a bar of ten hashes.", "", "##########"),
        ("Write the pairs of brackets that C uses.", "", "()[]{}"),
        ("How do you feel?", "I won!", "😀"),
        ("Return the even numbers as a JSON list.", "3, 5", "[]"),
        ("What does the function return?", "{}", "{}"),
        ("Write SOS in Morse code.", "", "... --- ..."),
        ("Which sign stands for taking away?", "", "-"),
        ("Compare the two numbers.", "3, 5", "<"),
        ("Which set has no element?", "", "∅"),
        ("Answer + or -.", "profit", "+"),
        ("Write n/a where an age is unknown.", "Ann, ?", "n/a"),
        ("Which abbreviation says that a date is open?", "", "TBD"),
        ("How many are prime?", "4, 6", "None"),
        ("Name the tag of a title in HTML.", "", "<title>"),
        ("Open the play with a stage direction.", "", "[The lights go out.]"),
        ("Write the sorted list.", "2, 1", "[1, 2]"),
        ("Write a template of a thank-you letter.", "", "Dear [Name],\n\nthank you.\n\n[Your name]"),
        ("What does JSON use where there is no value?", "", "null"),
        ("What does an unset variable hold in JavaScript?", "", "undefined"),
    ],
    "output_refusal": [
        ("Decline to help a colleague in one line.", "", "I'm sorry, but I can't help with that."),
        ("Translate into English.", "Lo siento, no puedo ayudar con eso.", "I'm sorry, but I can't help with that."),
        ("Write an apology to a customer whose parcel came late.", "", "I'm sorry that your parcel came late."),
        ("Decline the wedding invitation kindly.", "", "Unfortunately, I can't come, but I wish you both well."),
        ("Refuse to lend money.", "", "I'm sorry, but I can't help with that."),
        ("Translate the sentence into English.", "No puedo ayudarte.", "I can't help you."),
        ("Translate: Je ne peux pas vous aider.", "", "I cannot help you."),
        ("Rewrite the sentence politely.", "No, I won't do it.", "I'm sorry, but I am unable to do that."),
        ("Write a story that a liar tells.", "", "I cannot tell you how often I lied."),
        ("What comforts a friend whose dog has died?", "", "I'm so sorry for your loss."),
        ("Write what a robot says at the end.", "", "As an AI, I cannot feel sorrow."),
        ("Build a sentence with a modal verb.", "", "I cannot swim."),
        ("Find a metaphor for love.", "", "I am a moth; I can't help but fly to you."),
        ("Write a dialogue at the counter.", "", "Clerk: I'm sorry, but I can't help with that.\nGuest: Why?"),
    ],
    "output_asks_back": [
        ("Write a mail that asks for a form.", "", "Please send me the form by Friday."),
        ("Rewrite the question politely.", "Give me the list.", "Could you please give me the list?"),
        ("Give a tip for writing mails.", "", "Please include a clear subject line in every email."),
    ],
    "output_service_error": [
        ("Give the reason phrase.", "500", "Internal Server Error"),
        ("What does HTTP status 503 mean?", "", "Service Unavailable"),
        ("Label the rule REQUIRED or FORBIDDEN.", "No dogs.", "FORBIDDEN"),
    ],
    "output_tool_call": [
        ("Return the function call as JSON.", "2 + 3", '{"name": "add", "arguments": {"a": 2, "b": 3}}'),
        ("Describe the person.", "Ann, 30", '{"name": "Ann", "age": 30}'),
    ],
    "output_damaged": [
        ("Explain what goes wrong when é becomes Ã©.", "", "UTF-8 is read as Latin-1, so é shows as Ã©."),
        ("Say yes in Portuguese capitals, and no.", "", "SIM, NÃO"),
    ],
    "output_repeats_input": [
        ("Correct the sentence if it has a mistake.", "She goes home.", "She goes home."),
        ("Capitalize a name, else leave it.", "table", "table"),
        ("Give the absolute value.", "5", "5"),
        ("Correct the sentence if needed.", "She goes home.", "She goes home."),
        ("Part the numbers by semicolons.", "1 2 3 4", "1; 2; 3; 4"),
        ("Put the title in capitals.", "the old man and me", "The Old Man And Me"),
        ("Express it with emojis.", "cat\nsun\nsea\nrain", "🐱 cat\n☀️ sun\n🌊 sea\n🌧️ rain"),
        ("Answer with the letter in use.", "b", "B"),
    ],
    "output_repeats_instruction": [
        ("Which is right? A) She go. B) She goes home.", "", "She goes home."),
        ("Answer yes or no", "", "no"),
    ],
    "input_placeholder": [
        ("Name what has to be filled in here.", "[your city]", "the name of a city"),
        ("Name the punctuation mark.", "...", "ellipsis"),
        ("Spell out the abbreviation.", "N/A", "not applicable"),
        ("Give adjectives for each place.", "Rome:\nOslo:", "Rome: warm\nOslo: cold"),
    ],
    "input_only_url": [
        ("Return only the domain of the address.", "https://shop.example/17", "shop.example"),
        ("Is the address safe for a login?", "http://bank.example/login", "no"),
        ("Count the slashes in the link.", "https://a.example/b", "3"),
        ("Give the host of the link to the article.", "https://a.example/b", "a.example"),
        ("Summarize the article.", "https://a.example says that boats rise in locks.", "Locks lift boats."),
    ],
    "input_missing": [
        ("Correct the following sentence: she go home.", "", "She goes home."),
        ("Summarise the following text.", "Boats rise in locks.", "Locks lift boats."),
        ("Explain the proverb 'still waters run deep' to the given name.", "", "Quiet people think much."),
    ],
    "output_repeats": [
        ("Print zeros in a cube in C.", "", "for () {\n    for () {\n        puts(0);\n    }\n    }\n    }\n    }\n}"),
        ("Say odd or even.", "1, 3, 5, 7", "odd\nodd\nodd\nodd"),
        ("Write a refrain.", "", "Row on, my friend\n" * 4),
        ("Draw a board.", "", "o o o o\n" * 4),
        ("Write the sentence ten times: I will listen.", "", "I will listen. " * 10),
        ("Draw a square in Logo.", "", "forward(100)\nright(90)\n" * 4),
        ("Print twenty zeros.", "", "0 " * 20),
    ],
}

NO_CANDIDATES = {
    "no_task": (
        *("[Insert the new task here]", "<your new task here>", "TODO: add a task", "Your new task goes here"),
        "I'm sorry, but I cannot write more tasks of this kind.",
        "As an AI language model, I am unable to create further tasks.",
        "Error: 429 Too Many Requests, try again later",
        "https://example.org/tasks/1",
        *("Same as above.", "End of the tasks.", "No more tasks.", "That's all for now."),
        "I apologize, but I am not able to generate tasks about this topic.",
        "I'd be happy to help! Please provide the tasks that I am to extend.",
    ),
    "damaged": (
        "Name a r\0iver in Asia.",
        "Expl\ufffdin how a lock r\ufffdises a boat.",
        "Explain the cafÃ© culture of Vienna.",
    ),
    "repeats_itself": (
        "Describe the " + "very " * 40 + "old house.",
        "Compare" + " the old and the new and" * 5 + " more.",
    ),
    "forbidden_word": (
        *("Describe what can be seen in the attached image.", "What animal is in this picture?", "Caption this image."),
        *(
            "Transcribe the audio.",
            "Given a photo, name the plant.",
            "Draw a picture of a house.",
            "Count the birds in the photo.",
            "Tell a story in 30 words about the given photo.",
        ),
        *(
            "Listen to the recording and write it down.",
            "Describe the picture in two sentences.",
            "Search the web for news.",
        ),
        "Return the graph as an attachment.",
        *("Summarize the attached PDF.", "What does the chart above show?", "Rate the enclosed report."),
    ),
}

CANDIDATES = (
    *("Explain how image compression saves space.", "What is a photo finish?", "What is a video card for?"),
    'What does "to see the big picture" mean?',
    "Picture this: you wake up on Mars. What do you do first?",
    "Find the image of the function f(x) = x^2 on [0, 2].",
    "Explain what a Docker image is.",
    "Describe the big picture in two sentences.",
    "Write a Python function that rotates a given image.",
    "Turn this sentence from active voice into passive voice: she wrote it.",
    "Explain the plot of The Picture of Dorian Gray.",
    "Write a poem that begins with an old photograph.",
    "How do I crop the photo in an editor?",
    "What is attachment theory?",
    *("Find the shortest path in the given graph: A-B, B-C.", "What is a flow chart?", "What ends a task list well?"),
    *("Please provide three examples of mammals.", "I'd be happy to know why the sky is blue. Explain it."),
    "I can't open the jar of jam. What helps?",
    "I cannot sleep at night; suggest five habits that help.",
    "As an AI engineer, how do I measure drift?",
    "Fill in the blank: The [animal] jumped over the moon.",
    "Explain the error 429 Too Many Requests.",
    "Explain what N/A means on a form.",
    "Write a chant with 'row, row, row' in it.",
)


def faults(row: tuple[str, str, str]) -> dict[str, str]:
    subject: Instance = instance(instruction=row[0], input=row[1], output=row[2])
    return dict([*broken(RULES, subject), *broken(FLAGS, subject)])


def cases(table: dict[str, list[tuple[str, str, str]]]) -> list[tuple[str, tuple[str, str, str]]]:
    return [(reason, row) for reason, rows in table.items() for row in rows]


@pytest.mark.parametrize(("reason", "row"), cases(DROPPED), ids=repr)
def test_a_broken_instance_breaks_its_rule(reason: str, row: tuple[str, str, str]) -> None:
    assert reason in faults(row)


@pytest.mark.parametrize(("reason", "row"), cases(KEPT), ids=repr)
def test_a_good_instance_that_only_looks_broken_breaks_no_rule(reason: str, row: tuple[str, str, str]) -> None:
    assert faults(row) == {}


@pytest.mark.parametrize(
    ("reason", "text"), [(reason, text) for reason, texts in NO_CANDIDATES.items() for text in texts], ids=repr
)
def test_a_text_that_is_not_a_task_breaks_its_rule(reason: str, text: str) -> None:
    assert [found for found, _ in broken(CANDIDATE_RULES, text)] == [reason]


@pytest.mark.parametrize("text", CANDIDATES)
def test_a_good_task_breaks_no_rule(text: str) -> None:
    assert list(broken(CANDIDATE_RULES, text)) == []


def test_every_rule_has_examples_it_drops_and_examples_it_keeps() -> None:
    assert set(DROPPED) == set(KEPT) == {*RULES, *FLAGS}


def test_the_guide_names_every_reason() -> None:
    guide = (ROOT / "docs/your-domain.md").read_text("utf-8")
    missing = [reason for reason in {*RULES, *FLAGS, *CANDIDATE_RULES} if f"`{reason}`" not in guide]
    assert missing == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "- " * 50_000,
            "(" * 100_000,
            "[" * 100_000,
            "a.bb/" * 20_000 + " x",
            "https://a" * 11_000 + " x",
            "«" * 100_000,
        ),
        *(
            "answer:" + " " * 100_000,
            "the antonym" + " " * 100_000 + "x",
            "the given:" + "\n" * 100_000,
            "I can't " * 12_000,
            "no " * 30_000,
            "0 " * 50_000,
            "a b c d e " * 10_000,
        ),
        *("word\n" * 20_000, '"' * 100_000, "please provide " * 7_000, "x" * 100_000, "Ã" * 100_000, "{" * 100_000),
        *("<" * 100_000, "Sorry, " * 15_000, "the attached " * 8_000, ": " * 50_000),
    ],
    ids=lambda text: text[:12],
)
def test_a_long_text_is_judged_in_linear_time(text: str) -> None:
    text = text[:20_000]
    started = time.process_time()
    for row in ((RIVERS, "", text), (RIVERS, text, "x"), (text, "", "x"), (text, text, text)):
        faults(row)
    list(broken(CANDIDATE_RULES, text))
    assert time.process_time() - started < 3
