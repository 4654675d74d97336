"""The benchmark that compares our parser with the published rules."""

from benchmarks.answers import ANSWERS, mixed_set, ours, published, table
from tests.answer_table import Reading
from tests.repository import ROOT


def test_the_table_in_the_docs_matches_the_command() -> None:
    assert f"\n{table()}\n" in (ROOT / "docs/prompts.md").read_text("utf-8")


def test_the_mixed_set_holds_200_answers_and_each_is_read_correctly() -> None:
    answers = mixed_set()
    assert len(answers) == ANSWERS
    assert len({(answer.text, answer.kind) for answer in answers}) == ANSWERS
    assert [answer.quirk for answer in answers if ours(answer) != answer.parts] == []


def by_the_published_rules(text: str, kind: str, *, truncated: bool = False) -> object:
    return published(Reading("", text, kind, False, truncated, None))


def test_the_published_rules_show_their_known_faults() -> None:
    assert by_the_published_rules("Ask NASA.\n10. Name a river.", "instructions") == ["Ask nasa.", "Name a river."]
    assert by_the_published_rules("Ask.\n10. Name", "instructions", truncated=True) == []
    assert by_the_published_rules("Yes.", "verdict") is False
    assert by_the_published_rules("The Danube.", "input_first") == []
    assert by_the_published_rules("Example 1\nInput: kettle", "input_first") == [("", "Input: kettle")]
    assert by_the_published_rules("Class label: good Sentence: a", "output_first") == [("", "good Sentence: a")]
