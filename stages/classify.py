"""Tell classification tasks from others, since their instances are written output first (paper, section 2.2).

data/instructions.jsonl -> data/classified.jsonl, data/rejected/classify.jsonl, data/answers/classify.jsonl
"""

from collections.abc import Iterable, Iterator

from stages.contract.jsonl import read_records
from stages.contract.outcome import Outcome
from stages.contract.records import NO_ANSWER, Answer, ClassifiedInstruction, Instruction
from stages.contract.sections.base import Section, Text
from stages.contract.sections.classify import Classify
from stages.contract.sections.runtime import Runtime
from stages.contract.stage import stage
from stages.llm.window import answer_each
from stages.store.request import Request, Requests
from stages.text.prompts import load_prompt
from stages.text.verdicts import parse_verdict


class Prompts(Section):
    """The template of this stage."""

    classify: Text


class Config(Section):
    """The sections of params.yaml that this stage reads."""

    prompts: Prompts
    classify: Classify
    runtime: Runtime


def requests(instructions: Iterable[Instruction], config: Config) -> Iterator[Request]:
    """Yield the request for the verdict on each instruction."""
    render = load_prompt(config.prompts.classify, {"instruction"})
    made = Requests(config.classify)
    for instruction in instructions:
        yield made.make(render(instruction=instruction.instruction), config.classify.max_tokens)


def judge(instruction: Instruction, answer: Answer, outcome: Outcome) -> None:
    """Keep the instruction with its verdict, or reject it if the answer has none: "I cannot tell" is not "no"."""
    verdict = parse_verdict(answer.text)
    if answer.finish_reason in NO_ANSWER:
        outcome.reject(NO_ANSWER[answer.finish_reason], instruction)
    elif verdict is None:
        outcome.reject("verdict_unclear", instruction, text=answer.text[:200])
    else:
        outcome.kept.append(
            ClassifiedInstruction(
                **dict(instruction),
                is_classification=verdict,
                raw_classification=answer.text,
                classification_answer=answer.key,
            )
        )


def main() -> None:
    """Ask for one verdict on each instruction."""
    with stage("classify", Config) as config:
        outcome = Outcome("classify")
        instructions = read_records("data/instructions.jsonl", Instruction)
        answers = answer_each("classify", config.runtime, list(requests(instructions, config)))
        for instruction, answer in zip(instructions, answers, strict=True):
            judge(instruction, answer, outcome)
        outcome.write("data/classified.jsonl", len(instructions), answers, min_kept=config.classify.min_kept)


if __name__ == "__main__":
    main()
