"""Write instances: input first for open tasks, output first for classification tasks (paper, section 2.2).

data/classified.jsonl -> data/tasks.jsonl, data/rejected/instantiate.jsonl, data/answers/instantiate.jsonl

The model's words are kept verbatim and parsed in `filter`, so that a better parser costs no request.
"""

from collections.abc import Iterable, Iterator

from stages.contract.jsonl import read_records
from stages.contract.outcome import Outcome
from stages.contract.records import NO_ANSWER, Answer, ClassifiedInstruction, Task
from stages.contract.sections.base import Section, Text
from stages.contract.sections.instantiate import Instantiate
from stages.contract.sections.runtime import Runtime
from stages.contract.stage import stage
from stages.llm.window import answer_each
from stages.store.request import Request, Requests
from stages.text.prompts import load_prompt


class Prompts(Section):
    """The templates of this stage."""

    input_first: Text
    output_first: Text


class Config(Section):
    """The sections of params.yaml that this stage reads."""

    prompts: Prompts
    instantiate: Instantiate
    runtime: Runtime


def requests(instructions: Iterable[ClassifiedInstruction], config: Config) -> Iterator[Request]:
    """Yield the request for the instances of each instruction."""
    input_first = load_prompt(config.prompts.input_first, {"instruction", "count"})
    output_first = load_prompt(config.prompts.output_first, {"instruction", "count"})
    made = Requests(config.instantiate)
    for instruction in instructions:
        if instruction.is_classification:
            render, count = output_first, config.instantiate.instances_per_classification_task
        else:
            render, count = input_first, config.instantiate.instances_per_task
        prompt = render(instruction=instruction.instruction, count=count)
        yield made.make(prompt, count * config.instantiate.max_tokens_per_instance)


def attach(instruction: ClassifiedInstruction, answer: Answer, outcome: Outcome) -> None:
    """Keep the instruction with the model's words, or reject it if there are none."""
    if answer.finish_reason in NO_ANSWER:
        outcome.reject(NO_ANSWER[answer.finish_reason], instruction)
    elif not answer.text.strip():
        outcome.reject("answer_empty", instruction, finish_reason=answer.finish_reason)
    else:
        outcome.kept.append(
            Task(
                **dict(instruction),
                raw_instances=answer.text,
                finish_reason=answer.finish_reason,
                instances_answer=answer.key,
                model=answer.model,
            )
        )


def main() -> None:
    """Ask for the instances of each instruction."""
    with stage("instantiate", Config) as config:
        outcome = Outcome("instantiate")
        instructions = read_records("data/classified.jsonl", ClassifiedInstruction)
        answers = answer_each("instantiate", config.runtime, list(requests(instructions, config)))
        for instruction, answer in zip(instructions, answers, strict=True):
            attach(instruction, answer, outcome)
        outcome.write("data/tasks.jsonl", len(instructions), answers, min_kept=config.instantiate.min_kept)


if __name__ == "__main__":
    main()
