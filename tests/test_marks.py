"""Marks of reasoning and of chat templates: which are removed, and which stay because the text is about them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.text.marks import NAMED, SPELLED, spoken

BEFORE = [
    "<think>x</think>",
    "<think>\nx\n</think>\n\n",
    "x</think>\n",
    "<thinking>x</thinking>",
    "<reasoning>x</reasoning>",
    "[THINK]x[/THINK]",
    "◁think▷x◁/think▷",
    "<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>",
    "<|begin_of_thought|>x<|end_of_thought|>",
    "<|im_start|>assistant\n",
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "<start_of_turn>model\n",
    "<|assistant|>",
    "<s>",
    "<bos>",
    "\ufeff",
    "[INST] q [/INST] ",
    "assistant\n\n",
    "analysisx yassistantfinal",
    "<|START_THINKING|>x<|END_THINKING|><|START_RESPONSE|>",
    "<thought>x</thought>",
    "<seed:think>x</seed:think>",
    "<think>```python\nx</think>",
    "<scratchpad>x</scratchpad>\n",
    "Assistant: ",
    "assistant\n",
    "<inner_thoughts>x</inner_thoughts>",
    "**Assistant:** ",
    "&lt;think&gt;x&lt;/think&gt;\n",
]
"""Reasoning and marks that may precede an answer."""

AFTER = [
    "<|im_end|>",
    "</s>",
    "<|eot_id|>",
    "<|endoftext|>",
    "<end_of_turn>",
    "<eos>",
    "<|end|>",
    "<|return|>",
    "<｜end▁of▁sentence｜>",
    "<|EOT|>",
    "<|eom_id|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|END_RESPONSE|>",
    " </s>",
    "\n<|im_end|>\n",
    "<|im_end|>\n<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\nNo",
    "</s><s>[INST] x [/INST] y",
    "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nx",
    "<end_of_turn>\n<start_of_turn>user\nx",
    "<|user|>\nx",
    "[/INST]",
    "<sep>",
    "[e~[",
    "assistant\n\nx y",
]
"""Marks and turns that may follow an answer."""

ABOUT_A_MARK = [
    "Explain what the <think> tag is for in some models.",
    "Compare <|im_end|>, </s> and <|eot_id|>.",
    "Explain what </think> means in a log.",
    'What does "<|im_end|>" do?',
    "Describe the `<think>` tag.",
    "Write a template with [INST] and [/INST] tags.",
    "What does the <|endoftext|> token do?",
    "Describe the purpose of <think>",
]
"""Tasks whose subject is a mark."""

STAYS = [
    *ABOUT_A_MARK,
    "Name the tag that means: <|im_end|> or </s>?",
    "Fix:\n```python\n# 1. one\n2. two\n<|im_end|>\n```",
    "What does an <input> element do?",
    "The old price was <s>12</s> now 10.",
    "Say (<|im_end|>) aloud.",
    "Use `</think>` and ``<|eot_id|>`` with care.",
    "```\n<think>\n</s><|im_end|>\n```\nThat is a transcript.",
    "~~~\n[INST] a [/INST] b\n~~~",
    "f <| g |> h",
    "Compare [1] with [2].",
    "Assistant: Hello!\nUser: Hello!",
    "The tag &lt;think&gt; opens a thought.",
    "analysis: the text is short, and the assistant is final.",
    "The reasoning in <reasoning> tags is long, and </reasoning> ends it.",
]
"""Texts about a mark, and texts that only look like one."""


@pytest.mark.parametrize("before", BEFORE)
def test_reasoning_and_marks_before_an_answer_are_removed(before: str) -> None:
    assert spoken(f"{before}The answer is 16.") == "The answer is 16."


@pytest.mark.parametrize("after", AFTER)
def test_marks_and_turns_after_an_answer_are_removed(after: str) -> None:
    assert spoken(f"The answer is 16.{after}") == "The answer is 16."


@pytest.mark.parametrize("before", BEFORE)
def test_marks_on_both_sides_are_removed(before: str) -> None:
    for after in AFTER:
        assert spoken(f"{before}The answer is 16.{after}") == "The answer is 16.", after


@pytest.mark.parametrize("text", STAYS)
def test_a_mark_stays_if_the_text_is_about_it(text: str) -> None:
    assert spoken(text) == text
    assert spoken(f"<think>a</think>{text}<|im_end|>") == text


def test_every_mark_in_the_table_is_removed_and_has_one_meaning() -> None:
    names = [name for named in NAMED.values() for name in named]
    assert len(names) == len(set(names))
    for name in names:
        assert "<|" not in spoken(f"<|{name}|>The answer is 16.")
        assert "<｜" not in spoken(f"The answer is 16.<｜{name}｜>")
    assert set(SPELLED) >= {"open", "close", "end", "header", "citation"}


@settings(deadline=None, derandomize=True)
@given(st.text(alphabet="ab \t\n\u2028\x85\f#*-:1.", min_size=1))
def test_a_block_of_code_keeps_its_marks_and_every_character(code: str) -> None:
    block = f"```\n<think>{code}\n<|im_end|></s>\n```"
    assert spoken(f"<think>a</think>\n{block}<|im_end|>") == block


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("<think>a</think>b", "b"),
        ("a</think>b", "b"),
        ("a<think>b", "a"),
        ("a<think>b</think>c", "ac"),
        ("<THINK>a</Think> b ", "b"),
        ("<think></think>", ""),
        ("I think so.", "I think so."),
    ],
    ids=["block", "no_opening", "no_closing", "in_the_middle", "capitals", "nothing_else", "no_reasoning"],
)
def test_reasoning_is_removed(text: str, visible: str) -> None:
    assert spoken(text) == visible
