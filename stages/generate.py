"""Bootstrap new instructions from the seeds, each unlike all others (paper, section 2.2, instruction generation).

seeds -> data/instructions.jsonl, data/rejected/generate.jsonl, data/answers/generate.jsonl
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from stages.contract.files import write_json
from stages.contract.outcome import Outcome
from stages.contract.records import NO_ANSWER, Answer, Candidate, Instruction, SeedTask
from stages.contract.sections.base import Section, Text
from stages.contract.sections.generate import Generate
from stages.contract.sections.runtime import Runtime
from stages.contract.sections.seeds import Seeds
from stages.contract.seeds import read_seeds
from stages.contract.stage import stage
from stages.draw.acceptance import Acceptance
from stages.draw.order import commits_before
from stages.draw.seeds import check_seeds, doubt_about
from stages.draw.shown import InContext, Shown
from stages.llm.window import answer_in_order
from stages.rules.judge import Judge, Judgement
from stages.store.request import Request, Requests
from stages.text.instructions import parse_instructions
from stages.text.prompts import load_prompt


class Prompts(Section):
    """The templates of this stage."""

    generate: Text
    generate_classification: Text


class Config(Section):
    """The sections of params.yaml that this stage reads."""

    seed: Annotated[int, Field(ge=0, lt=2**63)]
    seeds: Seeds
    prompts: Prompts
    generate: Generate
    runtime: Runtime


def requests(tasks: InContext, config: Config) -> Iterator[tuple[Shown, Request]]:
    """Yield each request with what it shows, in order and without end. `tasks` may grow between two of them."""
    name = "generate_classification" if config.generate.classification_only else "generate"
    render = load_prompt(getattr(config.prompts, name), {"instructions", "count", "focus"})
    made = Requests(config.generate)
    index = 0
    while True:
        shown = tasks.show(index)
        prompt = render(instructions=shown.instructions, count=config.generate.per_request, focus=shown.focus)
        yield shown, made.make(prompt, config.generate.max_tokens)
        index += 1


def instruction_id(instruction: str) -> str:
    """Return `ins-` and the first 12 hex digits of the instruction's sha256."""
    return f"ins-{hashlib.sha256(instruction.encode()).hexdigest()[:12]}"


class Bootstrap:
    """The growing pool of instructions: draws each prompt from it and adds accepted candidates, in request order."""

    unit = "instructions"

    def __init__(self, config: Config, seeds: Sequence[SeedTask]) -> None:
        self._config = config.generate
        self._tasks = InContext(seeds, config.generate, config.seed)
        self._requests = requests(self._tasks, config)
        self._shown: dict[int, Shown] = {}
        self._judge = Judge(seeds, config.generate, config.runtime.workers)
        self.acceptance = Acceptance(config.generate)
        self.outcome = Outcome("generate")
        self.answers: list[Answer] = []

    @property
    def target(self) -> int:
        """Number of machine-written instructions wanted."""
        return self._config.num_instructions

    @property
    def done(self) -> int:
        """Number of machine-written instructions accepted so far."""
        return len(self.outcome.kept)

    @property
    def requests_left(self) -> int:
        """Estimated number of answers still needed to reach the target."""
        return self.acceptance.requests_for(self.target - self.done)

    @property
    def saturated(self) -> bool:
        """True if the run must stop before its target because too few recent candidates were accepted."""
        return self.done < self.target and self.acceptance.saturated

    def may_launch(self, index: int, committed: int) -> bool:
        """Return True if request `index` can be drawn from committed answers and the target still needs it."""
        if committed < commits_before(index, self._config.window):
            return False
        in_flight = index - committed
        return in_flight == 0 or self.done + in_flight * self.acceptance.expected < self.target

    def prepare(self, index: int) -> Request:
        """Return request `index`. Must be called in the order of `index`."""
        self._shown[index], request = next(self._requests)
        return request

    def commit(self, index: int, answer: Answer) -> bool:
        """Judge the candidates of an answer; return True if the target is reached or the pool is saturated."""
        before = self.done, self.done + len(self.outcome.rejected)
        self.answers.append(answer)
        candidates = self._candidates(index, answer)
        for candidate, judgement in zip(candidates, self._judge.judge(candidates), strict=True):
            if self.done == self.target:
                self.outcome.reject("target_reached", candidate)
            elif judgement.reason:
                self.outcome.reject(judgement.reason, candidate, **judgement.detail)
            else:
                self._accept(candidate, judgement)
        self._tasks.commit()
        self.acceptance.add(self.done - before[0], self.done + len(self.outcome.rejected) - before[1])
        return self.done == self.target or self.saturated

    def _candidates(self, index: int, answer: Answer) -> list[Candidate]:
        """Return the complete candidates of an answer; reject those cut off, and an answer that holds none."""
        shown = self._shown.pop(index)

        def candidate(text: str) -> Candidate:
            return Candidate(
                id=instruction_id(text),
                instruction=text,
                prompted_by=shown.ids,
                focus=shown.focus,
                request_idx=index,
                instruction_answer=answer.key,
            )

        if answer.finish_reason in NO_ANSWER:
            self.outcome.reject(NO_ANSWER[answer.finish_reason], candidate(""))
            return []
        continues = self._config.llm.mode == "completion"
        found = parse_instructions(answer.text, truncated=answer.finish_reason == "length", continues=continues)
        for text in found.cut_off:
            self.outcome.reject("cut_off", candidate(text))
        if not found.complete and not found.cut_off:
            self.outcome.reject("answer_without_instruction", candidate(""), text=answer.text[:200])
        return [candidate(text) for text in found.complete]

    def _accept(self, candidate: Candidate, judgement: Judgement) -> None:
        self._tasks.add(candidate.id, candidate.instruction)
        self.outcome.kept.append(
            Instruction(**dict(candidate), most_similar=judgement.nearest, avg_similarity_score=judgement.mean_rouge_l)
        )


def report_saturation(outcome: Outcome, generate: Generate) -> None:
    """Say on stderr that the run stopped before its target, and the most frequent reason for rejection."""
    [(reason, count)] = Counter(row.reason for row in outcome.rejected).most_common(1)
    message = (
        f"generate: stopped at {len(outcome.kept):,} of {generate.num_instructions:,}: fewer than "
        f"{generate.min_acceptance:.0%} of the candidates of the last {generate.acceptance_requests} requests were "
        f"accepted; most were rejected as {reason} ({count:,} of {len(outcome.rejected):,})"
    )
    if generate.llm.provider == "offline":
        message += (
            ". The built-in model knows only a few hundred tasks; for more choose a real one: "
            "export OPENAI_API_KEY=…; seedling run llm=openai"
        )
    print(message, file=sys.stderr)


def main() -> None:
    """Grow the pool; write what was accepted, what was not, and the acceptance curve."""
    with stage("generate", Config) as config:
        seeds = read_seeds(config.seeds.path)
        check_seeds(seeds, config.seeds.path, config.generate)
        if doubt := doubt_about(seeds, config.generate):
            print(f"generate: {config.seeds.path}: {doubt}", file=sys.stderr)
        bootstrap = Bootstrap(config, seeds)
        answer_in_order("generate", config.runtime, bootstrap)
        outcome = bootstrap.outcome
        if bootstrap.saturated:
            report_saturation(outcome, config.generate)
        received = len(outcome.kept) + len(outcome.rejected)
        outcome.write("data/instructions.jsonl", received, bootstrap.answers, min_kept=config.generate.min_kept)
        write_json("reports/plots/acceptance.json", bootstrap.acceptance.curve(bootstrap.answers))


if __name__ == "__main__":
    main()
