"""Tell classification tasks from others, since their instances are written output first (paper, section 2.2).

data/instructions.jsonl -> data/classified.jsonl, data/rejected/classify.jsonl, data/answers/classify.jsonl
"""

from stages.contract.jsonl import read_records
from stages.contract.records import NO_ANSWER, Answer, ClassifiedInstruction, Instruction
from stages.contract.stage import Outcome, stage
from stages.llm.window import answer_each
from stages.text.parse import parse_verdict
from stages.text.prompts import load_prompt


def judge(instruction: Instruction, answer: Answer, outcome: Outcome) -> None:
    """Keep the instruction with its verdict, or reject it where the model gave none: "no" is not "I cannot tell"."""
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
    """Ask for one verdict for each instruction."""
    with stage("classify") as config:
        outcome = Outcome("classify")
        instructions = read_records("data/instructions.jsonl", Instruction)
        render = load_prompt(config.prompts.classify, {"instruction"})
        prompts = [
            (render(instruction=instruction.instruction), config.classify.max_tokens) for instruction in instructions
        ]
        answers = answer_each("classify", config.classify, config.runtime, prompts)
        for instruction, answer in zip(instructions, answers, strict=True):
            judge(instruction, answer, outcome)
        outcome.write("data/classified.jsonl", len(instructions), answers)


if __name__ == "__main__":
    main()
