"""Instances in every form that models write, and outputs that only look like a field."""

import pytest

from stages.text.instances import parse_instances

Pairs = list[tuple[str, str]]

INPUT_FIRST: list[tuple[str, Pairs]] = [
    ("Input: 3, 1, 2\nOutput: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("**Input:** 3, 1, 2\n**Output:** 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("**Input**: 3, 1, 2\n**Output**: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("__Input__: 3, 1, 2\n__Output__: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("*Input:* 3, 1, 2\n*Output:* 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("### Input:\n3, 1, 2\n\n### Output:\n1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("### Input\n3, 1, 2\n\n### Response\n1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("**Input**\n3, 1, 2\n\n**Output**\n1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("INPUT: 3, 1, 2\nOUTPUT: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("Input：3, 1, 2\nOutput：1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("输入：3, 1, 2\n输出：1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("Eingabe: 3, 1, 2\nAusgabe: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("Entrada: 3, 1, 2\nSalida: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("Input: 3, 1, 2\nAnswer: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("Input: 3, 1, 2\nResponse: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("Input:\n3, 1, 2\nExpected output:\n1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("- Input: 3, 1, 2\n- Output: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("* **Input:** 3, 1, 2\n* **Output:** 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("Example 1:\nInput: 3, 1, 2\nOutput: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("### Example 1\n**Input:** 3, 1, 2\n**Output:** 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("Input 1: 3, 1, 2\nOutput 1: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("**Input 1:** 3, 1, 2\n**Output 1:** 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("<input>3, 1, 2</input>\n<output>1, 2, 3</output>", [("3, 1, 2", "1, 2, 3")]),
    ("<Input>\n3, 1, 2\n</Input>\n<Output>\n1, 2, 3\n</Output>", [("3, 1, 2", "1, 2, 3")]),
    ("<input>3, 1, 2</input>\n<answer>1, 2, 3</answer>", [("3, 1, 2", "1, 2, 3")]),
    ("<input>3, 1, 2</input>\n<response>1, 2, 3</response>", [("3, 1, 2", "1, 2, 3")]),
    ("<example>\n<input>3, 1, 2</input>\n<output>1, 2, 3</output>\n</example>", [("3, 1, 2", "1, 2, 3")]),
    ("```xml\n<input>3, 1, 2</input>\n<output>1, 2, 3</output>\n```", [("3, 1, 2", "1, 2, 3")]),
    ("```\nInput: 3, 1, 2\nOutput: 1, 2, 3\n```", [("3, 1, 2", "1, 2, 3")]),
    ('{"input": "3, 1, 2", "output": "1, 2, 3"}', [("3, 1, 2", "1, 2, 3")]),
    ('```json\n{"input": "3, 1, 2", "output": "1, 2, 3",}\n```', [("3, 1, 2", "1, 2, 3")]),
    ('[{"input": "3, 1, 2", "output": "1, 2, 3"}]', [("3, 1, 2", "1, 2, 3")]),
    ('{"examples": [{"input": "3, 1, 2", "output": "1, 2, 3"}]}', [("3, 1, 2", "1, 2, 3")]),
    ('{"Input": "3, 1, 2", "Answer": "1, 2, 3"}', [("3, 1, 2", "1, 2, 3")]),
    ("<input><![CDATA[3, 1, 2]]></input>\n<output><![CDATA[1, 2, 3]]></output>", [("3, 1, 2", "1, 2, 3")]),
    ("<input1>3, 1, 2</input1>\n<output1>1, 2, 3</output1>", [("3, 1, 2", "1, 2, 3")]),
    ("> Input: 3, 1, 2\n> Output: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("Input : 3, 1, 2\nOutput : 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("| Input | Output |\n|---|---|\n| 3, 1, 2 | 1, 2, 3 |", [("3, 1, 2", "1, 2, 3")]),
    ("| # | **Input** | **Answer** |\n|--|--|--|\n| 1 | a \\| b | b<br>a |", [("a | b", "b\na")]),
    ("[INPUT]3, 1, 2[/INPUT]\n[OUTPUT]1, 2, 3[/OUTPUT]", [("3, 1, 2", "1, 2, 3")]),
    ("&lt;input&gt;3, 1 &amp; 2&lt;/input&gt;\n&lt;output&gt;1, 2, 3&lt;/output&gt;", [("3, 1 & 2", "1, 2, 3")]),
    ("{'input': '3, 1, 2', 'output': \"it's 1, 2, 3\"}", [("3, 1, 2", "it's 1, 2, 3")]),
    ("[{'input': '3, 1, 2', 'output': '1, 2, 3'}]", [("3, 1, 2", "1, 2, 3")]),
    ("`Input:` 3, 1, 2\n`Output:` 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("[Input]: 3, 1, 2\n[Output]: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("**1. Input:** 3, 1, 2\n**Output:** 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ('<input id="1">3, 1, 2</input>\n<output id="1">1, 2, 3</output>', [("3, 1, 2", "1, 2, 3")]),
    ("Test case 1:\nInput: a\nOutput: b\n\nTest case 2:\nInput: c\nOutput: d", [("a", "b"), ("c", "d")]),
    ("Input: 3, 1, 2; Output: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("Input: 3, 1, 2 Output: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("Input: 3, 1, 2 | Output: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("Input: 3, 1, 2 -> Output: 1, 2, 3", [("3, 1, 2", "1, 2, 3")]),
    ("Input: 3, 1, 2\r\nOutput: 1, 2, 3\r\n", [("3, 1, 2", "1, 2, 3")]),
    ("Input: 3, 1, 2\n\n\nOutput: 1, 2, 3\n\n---\n", [("3, 1, 2", "1, 2, 3")]),
    (
        "### Instruction:\nSort.\n\n### Input:\n3, 1, 2\n\n### Response:\n1, 2, 3\n"
        "\n### Instruction:\nX\n\n### Response:\nY",
        [("3, 1, 2", "1, 2, 3")],
    ),
    (
        "Example 1\nInput: 3, 1, 2\nOutput: 1, 2, 3\nExample 2\nInput: 9, 7\nOutput: 7, 9\n",
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
    (
        "Input 1: 3, 1, 2\nOutput 1: 1, 2, 3\nInput 2: 9, 7\nOutput 2: 7, 9\n",
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
    (
        "1. Input: 3, 1, 2\n   Output: 1, 2, 3\n2. Input: 9, 7\n   Output: 7, 9\n",
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
    (
        "1) **Input:** 3, 1, 2\n   **Output:** 1, 2, 3\n2) **Input:** 9, 7\n   **Output:** 7, 9\n",
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
    ("Input: 3, 1, 2\nOutput: 1, 2, 3\n\nInput: 9, 7\nOutput: 7, 9\n\n", [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")]),
    ("Input: 3, 1, 2\nOutput: 1, 2, 3\nInput: 9, 7\nOutput: 7, 9\n", [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")]),
    (
        "Input: 3, 1, 2\nOutput: 1, 2, 3\n\n---\n\nInput: 9, 7\nOutput: 7, 9\n\n---\n\n",
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
    (
        "Input: 3, 1, 2\nOutput: 1, 2, 3\n###\nInput: 9, 7\nOutput: 7, 9\n###\n",
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
    (
        "- Input: 3, 1, 2\n- Output: 1, 2, 3\n\n- Input: 9, 7\n- Output: 7, 9\n\n",
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
    (
        "### Example 1\n### Input\n3, 1, 2\n### Output\n1, 2, 3\n\n"
        "### Example 2\n### Input\n9, 7\n### Output\n7, 9\n\n",
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
    (
        "**Example 1:**\n**Input**: 3, 1, 2\n**Output**: 1, 2, 3\n**Example 2:**\n**Input**: 9, 7\n**Output**: 7, 9\n",
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
    (
        '{"input": "3, 1, 2", "output": "1, 2, 3"}\n{"input": "9, 7", "output": "7, 9"}\n',
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
    (
        "<input>3, 1, 2</input><output>1, 2, 3</output>\n<input>9, 7</input><output>7, 9</output>\n",
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
    (
        "1. **Input:** 3, 1, 2\n1. **Output:** 1, 2, 3\n2. **Input:** 9, 7\n2. **Output:** 7, 9\n",
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
    (
        "Input #1: 3, 1, 2\nOutput #1: 1, 2, 3\nInput #2: 9, 7\nOutput #2: 7, 9\n",
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
    (
        "**Example 1**\n\nInput:\n```\n3, 1, 2\n```\n\nOutput:\n```\n1, 2, 3\n```\n\n"
        "**Example 2**\n\nInput:\n```\n9, 7\n```\n\nOutput:\n```\n7, 9\n```\n\n",
        [("```\n3, 1, 2\n```", "```\n1, 2, 3\n```"), ("```\n9, 7\n```", "```\n7, 9\n```")],
    ),
    (
        "Input 1: 3, 1, 2\nAnswer 1: 1, 2, 3\nInput 2: 9, 7\nAnswer 2: 7, 9\n",
        [("3, 1, 2", "1, 2, 3"), ("9, 7", "7, 9")],
    ),
]

OUTPUT_FIRST: list[tuple[str, Pairs]] = [
    (
        "| Label | Input |\n|---|---|\n| good | I loved it. |\n| bad | Never again. |",
        [("I loved it.", "good"), ("Never again.", "bad")],
    ),
    (
        "Category: good\nReview: I loved it.\n\nCategory: bad\nReview: Never again.",
        [("I loved it.", "good"), ("Never again.", "bad")],
    ),
    ("Label: good\nInput: Title: a\nText: b", [("Title: a\nText: b", "good")]),
    ("[{'label': 'good', 'input': 'I loved it.'}]", [("I loved it.", "good")]),
    (
        "Class label: spam\nInput: Win a prize now!\nClass label: not spam\nInput: Lunch at noon?\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "**Class label:** spam\n**Input:** Win a prize now!\n\n"
        "**Class label:** not spam\n**Input:** Lunch at noon?\n\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "Label 1: spam\nInput 1: Win a prize now!\nLabel 2: not spam\nInput 2: Lunch at noon?\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "- Label: spam\n- Input: Win a prize now!\n- Label: not spam\n- Input: Lunch at noon?\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "- Label: spam\n  Input: Win a prize now!\n- Label: not spam\n  Input: Lunch at noon?\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "1. Label: spam\n   Input: Win a prize now!\n2. Label: not spam\n   Input: Lunch at noon?\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "Output: spam\nInput: Win a prize now!\nOutput: not spam\nInput: Lunch at noon?\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "### Class label\nspam\n\n### Input\nWin a prize now!\n\n### Class label\n"
        "not spam\n\n### Input\nLunch at noon?\n\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "Class label：spam\nInput：Win a prize now!\nClass label：not spam\nInput：Lunch at noon?\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "<label>spam</label>\n<input>Win a prize now!</input>\n"
        "<label>not spam</label>\n<input>Lunch at noon?</input>\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "<output>\n  spam\n</output>\n<input>\nWin a prize now!\n</input>\n<output>\n"
        "  not spam\n</output>\n<input>\nLunch at noon?\n</input>\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "Category: spam\nInput: Win a prize now!\n\nCategory: not spam\nInput: Lunch at noon?\n\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        '{"label": "spam", "input": "Win a prize now!"}\n{"label": "not spam", "input": "Lunch at noon?"}\n',
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "Class label: spam\nInput: Win a prize now!\n\n###\n\nClass label: not spam\nInput: Lunch at noon?\n\n###\n\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "Example 1\nClass label: spam\nInput: Win a prize now!\nExample 2\n"
        "Class label: not spam\nInput: Lunch at noon?\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "Input: Win a prize now!\nClass label: spam\nInput: Lunch at noon?\nClass label: not spam\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
    (
        "Answer: spam\nInput: Win a prize now!\nAnswer: not spam\nInput: Lunch at noon?\n",
        [("Win a prize now!", "spam"), ("Lunch at noon?", "not spam")],
    ),
]

AS_WRITTEN: list[tuple[str, Pairs]] = [
    (
        "Input: a\nOutput: The program prints this:\nInput: 2\nOutput: 4",
        [("a", "The program prints this:\nInput: 2\nOutput: 4")],
    ),
    ("<input>q</input>\n<output>\n    if ready:\n        go()\n</output>", [("q", "    if ready:\n        go()")]),
    ("Input: q\nOutput:\n    if ready:\n        go()", [("q", "    if ready:\n        go()")]),
    (
        "Example 1\nInput: q\nOutput:\n    if ready:\n        go()\nExample 2\nInput: r\nOutput: s",
        [("q", "    if ready:\n        go()"), ("r", "s")],
    ),
    ("    if ready:\n        go()", [("", "    if ready:\n        go()")]),
    ("<input>q</input>\n<output>\n  - a\n  - b\n</output>", [("q", "  - a\n  - b")]),
    ("Input: q\nOutput:\n  - a\n  - b", [("q", "  - a\n  - b")]),
    ("Example 1\nInput: q\nOutput:\n  - a\n  - b\nExample 2\nInput: r\nOutput: s", [("q", "  - a\n  - b"), ("r", "s")]),
    ("  - a\n  - b", [("", "  - a\n  - b")]),
    ("<input>q</input>\n<output>\n  1\n 2 3\n4 5 6\n</output>", [("q", "  1\n 2 3\n4 5 6")]),
    ("Input: q\nOutput:\n  1\n 2 3\n4 5 6", [("q", "  1\n 2 3\n4 5 6")]),
    (
        "Example 1\nInput: q\nOutput:\n  1\n 2 3\n4 5 6\nExample 2\nInput: r\nOutput: s",
        [("q", "  1\n 2 3\n4 5 6"), ("r", "s")],
    ),
    ("  1\n 2 3\n4 5 6", [("", "  1\n 2 3\n4 5 6")]),
    ("<input>q</input>\n<output>\na\u2028b\x85c\x0cd\n</output>", [("q", "a\u2028b\x85c\x0cd")]),
    ("Input: q\nOutput:\na\u2028b\x85c\x0cd", [("q", "a\u2028b\x85c\x0cd")]),
    (
        "Example 1\nInput: q\nOutput:\na\u2028b\x85c\x0cd\nExample 2\nInput: r\nOutput: s",
        [("q", "a\u2028b\x85c\x0cd"), ("r", "s")],
    ),
    ("a\u2028b\x85c\x0cd", [("", "a\u2028b\x85c\x0cd")]),
    ("<input>q</input>\n<output>\n\tx\n\n\ty\n</output>", [("q", "\tx\n\n\ty")]),
    ("Input: q\nOutput:\n\tx\n\n\ty", [("q", "\tx\n\n\ty")]),
    ("Example 1\nInput: q\nOutput:\n\tx\n\n\ty\nExample 2\nInput: r\nOutput: s", [("q", "\tx\n\n\ty"), ("r", "s")]),
    ("\tx\n\n\ty", [("", "\tx\n\n\ty")]),
    ("<input>q</input>\n<output>\na\n\n\nb\n</output>", [("q", "a\n\n\nb")]),
    ("Input: q\nOutput:\na\n\n\nb", [("q", "a\n\n\nb")]),
    ("Example 1\nInput: q\nOutput:\na\n\n\nb\nExample 2\nInput: r\nOutput: s", [("q", "a\n\n\nb"), ("r", "s")]),
    ("a\n\n\nb", [("", "a\n\n\nb")]),
    ("<input>q</input>\n<output>\nx\tb\xa0c\n</output>", [("q", "x\tb\xa0c")]),
    ("Input: q\nOutput:\nx\tb\xa0c", [("q", "x\tb\xa0c")]),
    ("Example 1\nInput: q\nOutput:\nx\tb\xa0c\nExample 2\nInput: r\nOutput: s", [("q", "x\tb\xa0c"), ("r", "s")]),
    ("x\tb\xa0c", [("", "x\tb\xa0c")]),
    (
        "<input>q</input>\n<output>\n```python\nprint('Input: 3')\n# Output: 4\n```\n</output>",
        [("q", "```python\nprint('Input: 3')\n# Output: 4\n```")],
    ),
    (
        "Input: q\nOutput:\n```python\nprint('Input: 3')\n# Output: 4\n```",
        [("q", "```python\nprint('Input: 3')\n# Output: 4\n```")],
    ),
    (
        "Example 1\nInput: q\nOutput:\n```python\nprint('Input: 3')\n# Output: 4\n```\nExample 2\nInput: r\nOutput: s",
        [("q", "```python\nprint('Input: 3')\n# Output: 4\n```"), ("r", "s")],
    ),
    ("```python\nprint('Input: 3')\n# Output: 4\n```", [("", "```python\nprint('Input: 3')\n# Output: 4\n```")]),
    ("<input>q</input>\n<output>\n<b>bold</b> <s>old</s> new\n</output>", [("q", "<b>bold</b> <s>old</s> new")]),
    ("Input: q\nOutput:\n<b>bold</b> <s>old</s> new", [("q", "<b>bold</b> <s>old</s> new")]),
    (
        "Example 1\nInput: q\nOutput:\n<b>bold</b> <s>old</s> new\nExample 2\nInput: r\nOutput: s",
        [("q", "<b>bold</b> <s>old</s> new"), ("r", "s")],
    ),
    (
        "<input>q</input>\n<output>\nThe <|im_end|> mark ends a turn.\n</output>",
        [("q", "The <|im_end|> mark ends a turn.")],
    ),
    ("Input: q\nOutput:\nThe <|im_end|> mark ends a turn.", [("q", "The <|im_end|> mark ends a turn.")]),
    (
        "Example 1\nInput: q\nOutput:\nThe <|im_end|> mark ends a turn.\nExample 2\nInput: r\nOutput: s",
        [("q", "The <|im_end|> mark ends a turn."), ("r", "s")],
    ),
    ("The <|im_end|> mark ends a turn.", [("", "The <|im_end|> mark ends a turn.")]),
    ("<input>q</input>\n<output>\n`<think>` is a tag.\n</output>", [("q", "`<think>` is a tag.")]),
    ("Input: q\nOutput:\n`<think>` is a tag.", [("q", "`<think>` is a tag.")]),
    (
        "Example 1\nInput: q\nOutput:\n`<think>` is a tag.\nExample 2\nInput: r\nOutput: s",
        [("q", "`<think>` is a tag."), ("r", "s")],
    ),
    ("`<think>` is a tag.", [("", "`<think>` is a tag.")]),
    ("<input>q</input>\n<output>\nStep 1: a\nStep 2: b\n</output>", [("q", "Step 1: a\nStep 2: b")]),
    ("Input: q\nOutput:\nStep 1: a\nStep 2: b", [("q", "Step 1: a\nStep 2: b")]),
    (
        "Example 1\nInput: q\nOutput:\nStep 1: a\nStep 2: b\nExample 2\nInput: r\nOutput: s",
        [("q", "Step 1: a\nStep 2: b"), ("r", "s")],
    ),
    ("Step 1: a\nStep 2: b", [("", "Step 1: a\nStep 2: b")]),
    (
        "<input>q</input>\n<output>\nExample: a cat.\nExample 2 is a dog.\n</output>",
        [("q", "Example: a cat.\nExample 2 is a dog.")],
    ),
    ("Input: q\nOutput:\nExample: a cat.\nExample 2 is a dog.", [("q", "Example: a cat.\nExample 2 is a dog.")]),
    (
        "Example 1\nInput: q\nOutput:\nExample: a cat.\nExample 2 is a dog.\nExample 2\nInput: r\nOutput: s",
        [("q", "Example: a cat.\nExample 2 is a dog."), ("r", "s")],
    ),
    ("Example: a cat.\nExample 2 is a dog.", [("", "Example: a cat.\nExample 2 is a dog.")]),
    (
        "<input>q</input>\n<output>\n# Title\n\n## Part\n\ntext\n\n---\n\nend\n</output>",
        [("q", "# Title\n\n## Part\n\ntext\n\n---\n\nend")],
    ),
    (
        "Input: q\nOutput:\n# Title\n\n## Part\n\ntext\n\n---\n\nend",
        [("q", "# Title\n\n## Part\n\ntext\n\n---\n\nend")],
    ),
    (
        "Example 1\nInput: q\nOutput:\n# Title\n\n## Part\n\ntext\n\n---\n\nend\nExample 2\nInput: r\nOutput: s",
        [("q", "# Title\n\n## Part\n\ntext\n\n---\n\nend"), ("r", "s")],
    ),
    ("# Title\n\n## Part\n\ntext\n\n---\n\nend", [("", "# Title\n\n## Part\n\ntext\n\n---\n\nend")]),
    ("<input>q</input>\n<output>\nHuman: hi\nAssistant: hello\n</output>", [("q", "Human: hi\nAssistant: hello")]),
    ("Input: q\nOutput:\nHuman: hi\nAssistant: hello", [("q", "Human: hi\nAssistant: hello")]),
    (
        "Example 1\nInput: q\nOutput:\nHuman: hi\nAssistant: hello\nExample 2\nInput: r\nOutput: s",
        [("q", "Human: hi\nAssistant: hello"), ("r", "s")],
    ),
    ("Human: hi\nAssistant: hello", [("", "Human: hi\nAssistant: hello")]),
    ("<input>q</input>\n<output>\n1. Mix\n2. Bake\n</output>", [("q", "1. Mix\n2. Bake")]),
    ("Input: q\nOutput:\n1. Mix\n2. Bake", [("q", "1. Mix\n2. Bake")]),
    (
        "Example 1\nInput: q\nOutput:\n1. Mix\n2. Bake\nExample 2\nInput: r\nOutput: s",
        [("q", "1. Mix\n2. Bake"), ("r", "s")],
    ),
    ("1. Mix\n2. Bake", [("", "1. Mix\n2. Bake")]),
    ('<input>q</input>\n<output>\nUse <input type="text"> here.\n</output>', [("q", 'Use <input type="text"> here.')]),
    ('Input: q\nOutput:\nUse <input type="text"> here.', [("q", 'Use <input type="text"> here.')]),
    (
        'Example 1\nInput: q\nOutput:\nUse <input type="text"> here.\nExample 2\nInput: r\nOutput: s',
        [("q", 'Use <input type="text"> here.'), ("r", "s")],
    ),
    ('Use <input type="text"> here.', [("", 'Use <input type="text"> here.')]),
    ("<input>q</input>\n<output>\n👩\u200d👩\u200d👧\n</output>", [("q", "👩\u200d👩\u200d👧")]),
    ("Input: q\nOutput:\n👩\u200d👩\u200d👧", [("q", "👩\u200d👩\u200d👧")]),
    (
        "Example 1\nInput: q\nOutput:\n👩\u200d👩\u200d👧\nExample 2\nInput: r\nOutput: s",
        [("q", "👩\u200d👩\u200d👧"), ("r", "s")],
    ),
    ("👩\u200d👩\u200d👧", [("", "👩\u200d👩\u200d👧")]),
    ("Intro.\n### Instructions\n1. Mix", [("", "Intro.\n### Instructions\n1. Mix")]),
    ("Answer is 5.\nAnswer: 5", [("", "Answer is 5.\nAnswer: 5")]),
    ("print(4)\n\n```python\nprint(4)\n```\nOutput: 4", [("", "print(4)\n\n```python\nprint(4)\n```\nOutput: 4")]),
    ('{"name": "Bob", "age": 4}', [("", '{"name": "Bob", "age": 4}')]),
    ("[1, 2, 3]", [("", "[1, 2, 3]")]),
    ('["a", "b"]', [("", '["a", "b"]')]),
    ('{"answer": 42}', [("", '{"answer": 42}')]),
    ("Input: q\nOutput: a form with Output: b", [("q", "a form with Output: b")]),
    ("Input: say Output: b\nOutput: b", [("say Output: b", "b")]),
    ("| month | days |\n|---|---|\n| May | 31 |", [("", "| month | days |\n|---|---|\n| May | 31 |")]),
    ("<output>| Input | Output |\n|---|---|\n| 1 | 2 |</output>", [("", "| Input | Output |\n|---|---|\n| 1 | 2 |")]),
    ("['a', 'b']", [("", "['a', 'b']")]),
    ("{'a': 1, 'b': True}", [("", "{'a': 1, 'b': True}")]),
    ("[input]\nrate = 1\n[output]\nrate = 2", [("", "[input]\nrate = 1\n[output]\nrate = 2")]),
    ("Write &lt;input&gt; for an input.", [("", "Write &lt;input&gt; for an input.")]),
    ("<output>&lt;output&gt; &amp; more</output>", [("", "&lt;output&gt; &amp; more")]),
    ("A chat.\n\nUser: Hi\nAssistant: Hello", [("", "A chat.\n\nUser: Hi\nAssistant: Hello")]),
    ("Input and output are words.", [("", "Input and output are words.")]),
    ("The [INST] mark opens a turn.", [("", "The [INST] mark opens a turn.")]),
]
"""Outputs with text that only looks like a field, a mark, a separator or a line end."""

BROKEN: list[str] = [
    "```python\ndef f(",
    "<output>\n```python\nx",
    "<input>a</input>\n<output>b",
    "<input>a</input>\n<output>The boat is in the",
    "Input: a\nOutput:\n```\nx = ",
    "| Input | Output |\n|---|---|\n| a | The boat",
]
"""Answers that end inside a tag or a block of code with the finish reason stop."""


def read(text: str, *, output_first: bool) -> Pairs:
    found = parse_instances(text, output_first=output_first, truncated=False)
    assert not any(instance.cut_off for instance in found)
    return [(instance.input, instance.output) for instance in found]


@pytest.mark.parametrize(("text", "pairs"), INPUT_FIRST)
def test_inputs_and_outputs_are_read_in_every_common_form(text: str, pairs: Pairs) -> None:
    assert read(text, output_first=False) == pairs
    assert read(f"Sure! Here you go:\n\n{text}", output_first=False) == pairs


@pytest.mark.parametrize(("text", "pairs"), OUTPUT_FIRST)
def test_labels_and_inputs_are_read_in_every_common_form(text: str, pairs: Pairs) -> None:
    assert read(text, output_first=True) == pairs


@pytest.mark.parametrize(("text", "pairs"), AS_WRITTEN)
def test_an_output_is_kept_exactly_as_written(text: str, pairs: Pairs) -> None:
    assert read(text, output_first=False) == pairs


@pytest.mark.parametrize("text", BROKEN)
def test_an_instance_that_breaks_off_is_marked_as_cut_off(text: str) -> None:
    assert [instance.cut_off for instance in parse_instances(text, output_first=False, truncated=False)] == [True]


NEXT_TURNS = [
    "\n\nHuman: And five?\n\nAssistant: 25",
    "\n\nUser: And five?\nAI: 25",
    "\n### Human: And five?\n### Assistant: 25",
    "\n\n### User:\nAnd five?",
    "\n\nTask: And five?",
    "\n\n### Instruction:\nAnd five?\n\n### Response:\n25",
]
"""How a model goes on with a turn of its reader."""


@pytest.mark.parametrize("turn", NEXT_TURNS)
@pytest.mark.parametrize("before", ["", "Input: 4\nOutput: "])
def test_a_turn_after_an_answer_is_left_out(turn: str, before: str) -> None:
    assert read(f"{before}It is 16.{turn}", output_first=False) == [("4" if before else "", "It is 16.")]
