"""Write instances: input first for open tasks, output first for classification tasks (paper, section 2.2).

data/classified.jsonl -> data/tasks.jsonl, data/rejected/instantiate.jsonl, data/answers/instantiate.jsonl

The model's words are kept verbatim and parsed in `filter`, so that a better parser costs no request.
"""

from stages.contract.config import Instantiate
from stages.contract.jsonl import read_records
from stages.contract.records import NO_ANSWER, Answer, ClassifiedInstruction, Task
from stages.contract.stage import Outcome, stage
from stages.llm.window import answer_each
from stages.text.prompts import Render, load_prompt


def prompt_for(
    instruction: ClassifiedInstruction, input_first: Render, output_first: Render, instantiate: Instantiate
) -> tuple[str, int]:
    """Return the prompt that asks for an instruction's instances, and its token limit."""
    if instruction.is_classification:
        render, count = output_first, instantiate.instances_per_classification_task
    else:
        render, count = input_first, instantiate.instances_per_task
    return render(instruction=instruction.instruction, count=count), count * instantiate.max_tokens_per_instance


def attach(instruction: ClassifiedInstruction, answer: Answer, outcome: Outcome) -> None:
    """Keep the instruction with the model's words, or reject it where there are none."""
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
    with stage("instantiate") as config:
        outcome = Outcome("instantiate")
        instructions = read_records("data/classified.jsonl", ClassifiedInstruction)
        input_first = load_prompt(config.prompts.input_first, {"instruction", "count"})
        output_first = load_prompt(config.prompts.output_first, {"instruction", "count"})
        prompts = [
            prompt_for(instruction, input_first, output_first, config.instantiate) for instruction in instructions
        ]
        answers = answer_each("instantiate", config.instantiate, config.runtime, prompts)
        for instruction, answer in zip(instructions, answers, strict=True):
            attach(instruction, answer, outcome)
        outcome.write("data/tasks.jsonl", len(instructions), answers)


if __name__ == "__main__":
    main()
