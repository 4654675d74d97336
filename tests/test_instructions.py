"""Instructions in every form that models write, and texts that only look like a list or an answer."""

import pytest

from stages.text.instructions import Instructions, parse_instructions
from tests.test_marks import ABOUT_A_MARK

RIVERS, ICE = "Name three rivers in Asia.", "Explain why ice floats on water."

MARKS = [
    ("No. 1: ", "No. 2: "),
    ("Nr. 1. ", "Nr. 2. "),
    ("1. ", "2. "),
    ("1) ", "2) "),
    ("1.", "2."),
    ("(1) ", "(2) "),
    ("[1] ", "[2] "),
    ("（1）", "（2）"),
    ("1、", "2、"),
    ("1．", "2．"),
    ("1 - ", "2 - "),
    ("1 – ", "2 – "),
    ("#1 ", "#2 "),
    ("#1: ", "#2: "),
    ("① ", "② "),
    ("1️⃣ ", "2️⃣ "),
    ("a) ", "b) "),
    ("A. ", "B. "),
    ("(a) ", "(b) "),
    ("i. ", "ii. "),
    ("I. ", "II. "),
    ("- ", "- "),
    ("* ", "* "),
    ("• ", "• "),
    ("•", "•"),
    ("– ", "– "),
    ("— ", "— "),
    ("+ ", "+ "),
    ("- [ ] ", "- [ ] "),
    ("→ ", "→ "),
    ("Task 1: ", "Task 2: "),
    ("**Task 1:** ", "**Task 2:** "),
    ("**Task 1**: ", "**Task 2**: "),
    ("### Task 1\n", "### Task 2\n"),
    ("### Task 1:\n", "### Task 2:\n"),
    ("Task 1. ", "Task 2. "),
    ("Task 1 - ", "Task 2 - "),
    ("Task #1: ", "Task #2: "),
    ("TASK 1: ", "TASK 2: "),
    ("Instruction 1: ", "Instruction 2: "),
    ("Task: ", "Task: "),
    ("**Task:** ", "**Task:** "),
    ("Aufgabe 1: ", "Aufgabe 2: "),
    ("任务1：", "任务2："),
    ("Instruction: ", "Instruction: "),
    ("1. **Task:** ", "2. **Task:** "),
    ("1. Task: ", "2. Task: "),
    ("- **Task 1:** ", "- **Task 2:** "),
    ("**1.** ", "**2.** "),
    ("**1)** ", "**2)** "),
    ("1\\. ", "2\\. "),
    ("1\\) ", "2\\) "),
    ("> 1. ", "> 2. "),
    ("   1. ", "   2. "),
    ("\t1. ", "\t2. "),
    ("9. ", "10. "),
    (" 9. ", "10. "),
    ("## 1. ", "## 2. "),
    ("Question 1: ", "Question 2: "),
    ("Tarea 1: ", "Tarea 2: "),
    ("一、", "二、"),
    ("\\- ", "\\- "),
    ("New task: ", "New task: "),
    ("1: ", "2: "),
    ("1.  ", "2.  "),
    ("01. ", "02. "),
    ("1.) ", "2.) "),
    ("1/ ", "2/ "),
    ("=> ", "=> "),
    ("~ ", "~ "),
    ("task_1: ", "task_2: "),
    ("1 ", "2 "),
    ("[Task 1] ", "[Task 2] "),
    ("[Task 1]: ", "[Task 2]: "),
    ("First task: ", "Second task: "),
    ("**First task:** ", "**Second task:** "),
    ("🔹 ", "🔹 "),
    ("✅ ", "✅ "),
    ("✏️ ", "📝 "),
]
"""The marks of a first and a second item."""

FORMS = [
    '["{}", "{}",]',
    '{{"tasks": ["{}", "{}"]}}',
    '{{"tasks": [{{"instruction": "{}"}}, {{"instruction": "{}"}}]}}',
    '```json\n[{{"task": "{}", "type": "open"}},\n {{"task": "{}"}}]\n```',
    '{{"1": "{}", "2": "{}"}}',
    '{{"task_1": "{}", "task_2": "{}"}}',
    'Here you go: ["{}", "{}"]',
    '1. {{"task": "{}"}}\n2. {{"task": "{}"}}',
    '["1. {}", "2. {}"]',
    "<task>- {}</task><task>- {}</task>",
    "<task>**Task 1:** {}</task><task>**Task 2:** {}</task>",
    "<task>(1) {}</task><task>(2) {}</task>",
    '<task id="1">{}</task>\n<task id="2">{}</task>',
    "<task1>{}</task1>\n<task2>{}</task2>",
    "<instruction>{}</instruction>\n<instruction>{}</instruction>",
    "```xml\n<task>{}</task>\n<task>{}</task>\n```",
    "<tasks>\n<task>{}</task>\n<task>{}</task>\n</tasks>",
    "<task>{}\n<task>{}</task>",
    "I will use <task> and </task> tags.\n<task>{}</task><task>{}</task>",
    "1. {}\n---\n2. {}\n---",
    "Here are the rules I follow:\n- short\n- clear\n\nNew tasks:\n1. {}\n2. {}",
    "| # | Task |\n|---|------|\n| 1 | {} |\n| 2 | {} |",
    "Sure!\n\n| No. | **Instruction** | Kind |\n|:---:|:---|:---|\n| 1 | {} | a |\n| 2 | {} | b |\n\nMore?",
    "| Tasks |\n| --- |\n| {} |\n| {} |",
    "| 1 | {} |\n| 2 | {} |",
    "<ol>\n<li>{}</li>\n<li>{}</li>\n</ol>",
    "Sure!\n<ul><li>{}</li><li>{}</li></ul>\nMore?",
    "<li>{}\n<li>{}</li>",
    '<ol class="x">\n<li value="1">{}</li>\n<li value="2">{}</li>\n</ol>',
    "| ID | Task description |\n|---|---|\n| T1 | {} |\n| T2 | {} |",
    "{{task}}{}{{/task}}\n{{task}}{}{{/task}}",
    "[TASK]{}[/TASK]\n[TASK]{}[/TASK]",
    "Sure!\n[Instruction 1] {} [/Instruction 1]\n[Instruction 2] {} [/Instruction 2]",
    "&lt;task&gt;{}&lt;/task&gt;\n&lt;task&gt;{}&lt;/task&gt;",
    "\\<task\\>{}\\</task\\>\n\\<task>{}\\</task>",
    "['{}', '{}']",
    "```python\ntasks = [\n    '{}',\n    \"{}\",\n]\n```",
    "[{{'task': '{}', 'new': True}}, {{'task': '{}', 'new': None}}]",
    "<task>\n1. {}\n2. {}\n</task>",
    "<task>1. {} 2. {}</task>",
    "1. Instruction: {}\n1. Output:\n1. a\n2. b\n###\n2. Instruction: {}\n2. Input:\nx\n2. Output:\ny",
]

AS_WRITTEN = [
    *ABOUT_A_MARK,
    "Sort the words in this list: 3. pear, 2. apple",
    "Explain the output: why is it wet?",
    'Rewrite "Output: 4" as a sentence.',
    "Write a README with the headings ## Install and ## Usage.",
    "Is 1. e4 a good opening move?",
    "Sort the list ### by length.",
    "Name the tag that means: <|im_end|> or </s>?",
    "Give an example. Example: a cat is an animal.",
    'Print the word "Output:" ten times.',
    "Here is a list: 3, 1, 2. Sort it.",
    "Sure-fire ways to sleep: name three.",
    "Okay is a common word. Explain its origin.",
    "Explain how 'Sure!' differs from 'Yes!'.",
    "Summarise:\n\n    x = 1\n\n    y = 2",
    "Fix:\n```python\n# 1. one\n2. two\n<|im_end|>\n```",
    "Say a\u2028b\x85c\x0cd.",
    "Tab\there.",
    "Name a task. It should be hard.",
    "What is an answer key?",
    'Explain the term "second task": what is it?',
    "3 apples cost 6 euros. What does one cost?",
    "What does an <input> element do?",
    "Explain step 2. Then step 3.",
    "Name 3. Explain 2.",
    "Explain what the <li> element does.",
    "Explain what [TASK] and [/TASK] mean in a template.",
    "Escape these for HTML: &lt;task&gt; and &lt;b&gt;.",
    "Reverse the list ['a', 'b', 'c'] in Python.",
    "Which row is wrong?\n| city | task |\n|---|---|\n| Oslo | Norway |\n| Bern | Austria |",
    "Follow the steps. 1. Take a number. 2. Double it.",
    "Answer in this form: Answer: one word.",
    "Rewrite the text.\n---\nThe cat sat.\n---\nIt slept.",
    "Classify the noun and say yes or no.",
    "Reply to this mail: I hope this helps you with your task!",
]
"""Instructions with text that only looks like a mark, a list, a remark or an answer."""

JOINED: dict[str, list[str]] = {
    "Write a line. Output: Soft drops.": ["Write a line."],
    "Write a line.\nOutput: Soft drops.": ["Write a line."],
    "Write a line. **Output:** Soft drops.": ["Write a line."],
    "Write a line! Answer: x": ["Write a line!"],
    "Sort the list.\nInput: 3, 1\nOutput: 1, 3": ["Sort the list."],
    "Say A. ## Say B. ## Say C.": ["Say A.", "Say B.", "Say C."],
    "Say A.\n###\nSay B.": ["Say A.", "Say B."],
    "Say A. Task 2: Say B.": ["Say A.", "Say B."],
    "Say A. 2. Instruction: Say B.": ["Say A.", "Say B."],
    "Certainly! Say A.": ["Say A."],
    "Here's another one: Say A.": ["Say A."],
    "Sure, here is a task for you: Say A.": ["Say A."],
    "Of course! Here is the next task: Say A.": ["Say A."],
    "The next task is: Say A.": ["Say A."],
    "写一句话。输出：雨。": ["写一句话。"],
    "Expected output: x": [],
    "Say A. Expected output: a": ["Say A."],
    "Say A. Sample answer: a": ["Say A."],
    "Say A. --- Say B.": ["Say A.", "Say B."],
    "Say A. *** Say B.": ["Say A.", "Say B."],
    "Say A. | Say B.": ["Say A.", "Say B."],
    "Say A. Next task: Say B.": ["Say A.", "Say B."],
    "Great question! Say A.": ["Say A."],
    "Q: What is A?\nA: It is a letter.": ["What is A?"],
    "Question: What is A? Answer: It is a letter.": ["What is A?"],
    "Say A. (Classification: No)": ["Say A."],
    "Say A.\n**Is classification:** yes": ["Say A."],
    "Say A.\n\nLet me know if you would like more tasks!": ["Say A."],
    "Say A. I hope these tasks help!": ["Say A."],
}
"""The content of one tag -> the instructions in it."""


def read(text: str) -> Instructions:
    return parse_instructions(text, truncated=False, continues=False)


@pytest.mark.parametrize(("first", "second"), MARKS)
@pytest.mark.parametrize(
    "around",
    ["{}", "Sure! Here they are:\n\n{}\n\nLet me know!", "```\n{}\n```", "Sure!\n```text\n{}\n```\nMore?"],
    ids=["alone", "with_talk", "in_a_fence", "in_a_fence_with_talk"],
)
def test_a_list_is_read_with_every_common_numbering(first: str, second: str, around: str) -> None:
    for between in ("\n", "\n\n"):
        assert read(around.format(first + RIVERS + between + second + ICE)) == Instructions([RIVERS, ICE], [])


@pytest.mark.parametrize("form", FORMS)
def test_two_instructions_are_read_in_every_common_form(form: str) -> None:
    assert read(form.format(RIVERS, ICE)) == Instructions([RIVERS, ICE], [])


@pytest.mark.parametrize("text", AS_WRITTEN)
def test_an_instruction_keeps_words_that_look_like_marks(text: str) -> None:
    assert read(f"<task>{text}</task>\n<task>{RIVERS}</task>") == Instructions([text, RIVERS], [])
    if "\n" not in text:
        assert read(f"1. {text}\n2. {RIVERS}") == Instructions([text, RIVERS], [])
        assert read(f"- {text}\n- {RIVERS}") == Instructions([text, RIVERS], [])


@pytest.mark.parametrize(("text", "expected"), JOINED.items(), ids=JOINED)
def test_text_that_a_model_adds_to_an_instruction_is_removed(text: str, expected: list[str]) -> None:
    assert read(f"<task>{text}</task>") == Instructions(expected, [])


@pytest.mark.parametrize(
    ("text", "complete", "cut_off"),
    [
        (f"<task>{RIVERS}</task>\n<task>{ICE}", [RIVERS], [ICE]),
        ("<task>Describe how the", [], ["Describe how the"]),
        (f"<task>{RIVERS}", [RIVERS], []),
        (f"['{RIVERS}', 'Describe how", [RIVERS], ["Describe how"]),
        (f"<ol><li>{RIVERS}</li>\n<li>Describe how", [RIVERS], ["Describe how"]),
        (f"| Task |\n|---|\n| {RIVERS} |\n| Describe how", [RIVERS], ["Describe how"]),
        (f"[TASK]{RIVERS}[/TASK]\n[TASK]Describe how", [RIVERS], ["Describe how"]),
        (f"&lt;task&gt;{RIVERS}&lt;/task&gt;\n&lt;task&gt;Describe how", [RIVERS], ["Describe how"]),
        (f'[{{"task": "{RIVERS}"}}, {{"task": "Desc', [RIVERS], ['task": "Desc']),
    ],
    ids=[
        *("after_closed_tags", "inside_a_sentence", "style_without_closing_tags"),
        *("python", "html", "table", "square_tags", "escaped_tags", "json"),
    ],
)
def test_a_last_item_that_never_closes_is_incomplete(text: str, complete: list[str], cut_off: list[str]) -> None:
    assert read(text) == Instructions(complete, cut_off)


@pytest.mark.parametrize("heading", ["Rules for the new tasks:", "**Guidelines:**", "Here are my requirements:"])
def test_repeated_rules_of_the_prompt_are_not_read_as_instructions(heading: str) -> None:
    assert read(f"{heading}\n1. Use text alone.\n2. Keep it short.\n\nI will follow them.") == Instructions([], [])
