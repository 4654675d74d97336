"""Verdicts in every form that models write, and answers without a verdict."""

import pytest

from stages.text.verdicts import parse_verdict
from tests.answer_table import VERDICTS, answer

YES = [
    "I would say yes.",
    "The task is best described as a classification task.",
    "<label>yes</label>",
    "<label> YES. </label> It has two labels.",
    "Yes",
    " yes, it is",
    "Yes.",
    "**Yes**",
    "Label: yes",
    "The answer is yes.",
    "Is this a classification task? Yes.",
    "Verdict: Yes - the labels are fixed",
    '{"is_classification": true}',
    "<verdict>Yes</verdict>",
    "\\boxed{\\text{Yes}}",
    "It is a classification task because the labels are fixed.",
    "No question, this is a classification task.",
    "No worries! Label: yes",
    "Yes\nBecause the set is fixed",
    "Yes. No other label fits.",
    "Classification",
    "<label>classification</label>",
    "Ja",
    "是",
    "Sí.",
    "<label>true</label>",
    "Every answer is one label. Therefore, yes.",
    "- Yes",
    '"yes"',
    "(yes)",
    "✅ Yes",
    "YES!!",
    "Is it classification? Yes\n\nTask: Name a river.\nIs it classification? No",
    "Final Answer: **Yes**",
    "### Answer\n\nYes",
    "<|im_start|>assistant\nyes<|im_end|>",
    "reasoning: long\nanswer: yes",
    "The label: yes",
    "No labels are given in the task, but it is a classification task.",
    "It's a classification task.",
    "It is clearly a classification task: the labels are spam and ham.",
    "Yes, this is not a trick.",
    "Class: yes",
    "Classification? Yes",
    "is_classification: true",
    "Answer - Yes",
]
NO = [
    "I'd say no.",
    "<label>No</label>",
    "<LABEL>no",
    "\n\nNo",
    "NO!",
    "no - it asks for a text",
    "**Label:** `no`",
    "My answer is: no",
    "The correct label is **no**.",
    "Is it a classification task?\nNo",
    '{"answer": "No"}',
    '```json\n{"label": "no"}\n```',
    '{"reason": "free text", "label": "no"}',
    "<answer>no</answer>",
    "$\\boxed{no}$",
    "This is not a classification task.",
    "This isn't a classification task.",
    "The task is not classification.",
    "This is a generation task, not a classification task.",
    "This task does not count as a classification task.",
    "no, it asks for free text",
    "No, this is a generation task.",
    "No\n\nThe answer is free text.",
    "No. Yes would need fixed labels.",
    "<label>not classification</label>",
    "<label>generation</label>",
    "Not a classification task.",
    "Nein.",
    "否",
    "不是",
    "Answer: false",
    "So the answer is no.",
    "The output is free text, so no.",
    "> no",
    "'No'",
    "❌ No",
    "Answer:\n\nNo",
    "**Answer**\nNo",
    "Task: X\nLabel: no",
    "<think>yes?</think>no",
    "That's not a classification task.",
    "Classification task: no",
    "Answer = No",
    "A: No",
]
NEITHER = [
    "",
    "It depends.",
    "I cannot tell.",
    "Maybe yes",
    "Nothing of that kind",
    "yesterday",
    "<label>maybe</label> yes",
    "<label></label>",
    "Là oui",
    "It could be a classification task.",
    "Whether it is a classification task depends on the labels.",
    "Yes/No",
    "yes or no",
    "No and yes.",
    "No problem.",
    "No doubt.",
    "No wonder you ask.",
    "Yesterday",
    "Nobody knows",
    "None",
    "Norway",
    "Y",
    "Answer: yes\nFinal answer: no",
    "Answer: It depends",
    "Answer: yes and no",
    "Yes - and no",
    "Yes, but also no",
    "Not sure",
    "No, I can't say",
    "Hmm, no.",
    "No fixed labels exist here.",
    "This requires no classification.",
    "No idea.",
    "No way to tell.",
    "No, I cannot tell.",
    "yes/no",
    "Yes or no?",
]


@pytest.mark.parametrize("text", YES)
def test_a_clear_yes_is_read(text: str) -> None:
    assert parse_verdict(text) is True


@pytest.mark.parametrize("text", NO)
def test_a_clear_no_is_read(text: str) -> None:
    assert parse_verdict(text) is False


@pytest.mark.parametrize("text", NEITHER)
def test_an_unclear_answer_gives_no_verdict(text: str) -> None:
    assert parse_verdict(text) is None


@pytest.mark.parametrize(("quirk", "verdict"), VERDICTS.items(), ids=VERDICTS)
def test_a_recorded_answer_gives_its_verdict(quirk: str, verdict: bool | None) -> None:
    assert parse_verdict(answer(quirk)) is verdict
