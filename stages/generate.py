"""Bootstrap new instructions from the seeds, each unlike every other (paper, section 2.2, instruction generation).

seeds -> data/instructions.jsonl, data/rejected/generate.jsonl, data/answers/generate.jsonl
"""

import hashlib
import math
import sys
from collections import Counter, deque
from collections.abc import Sequence

from stages.contract.config import Config, Generate
from stages.contract.errors import SeedlingError
from stages.contract.jsonl import read_seeds, write_json
from stages.contract.records import NO_ANSWER, Answer, Candidate, Instruction, SeedTask, Similar
from stages.contract.stage import Outcome, stage, total_cost
from stages.llm.request import Request, Requests
from stages.llm.window import answer_in_order, commits_before
from stages.pool.draw import Shelf, draw_focus, mix
from stages.pool.rules import RULES
from stages.pool.shown import check_seeds, is_shown
from stages.text.novelty import NoveltyPool, Verdict
from stages.text.parse import parse_instructions
from stages.text.prompts import Render, load_prompt
from stages.text.tokens import TOKENIZERS

_RECENT = 20  # requests whose acceptance foretells that of those under way


def instruction_id(instruction: str) -> str:
    """Return `ins-` and the first 12 hex digits of the instruction's sha256."""
    return f"ins-{hashlib.sha256(instruction.encode()).hexdigest()[:12]}"


class Bootstrap:
    """The pool while it grows: makes each prompt from it, and takes each answer into it, in order."""

    unit = "instructions"

    def __init__(self, config: Config, seeds: Sequence[SeedTask], render: Render) -> None:
        self._config = config.generate
        self._seed = config.seed
        self._render = render
        self._requests = Requests(config.generate)
        self._seeds, self._machine = Shelf(), Shelf()
        for seed in seeds:
            if is_shown(seed, self._config):
                self._seeds.add(seed.id, seed.instruction)
        self._pool_ids = [seed.id for seed in seeds]
        self._tokenizer = TOKENIZERS[self._config.tokenizer]
        self._pool = NoveltyPool(self._config.rouge_threshold, self._tokenizer, config.runtime.workers)
        self._pool.add([seed.instruction for seed in seeds])
        self._sizes = [0]  # machine-written instructions after so many commits
        self._recent: deque[tuple[int, int]] = deque(maxlen=max(_RECENT, self._config.acceptance_requests))
        self._shown: dict[int, tuple[list[str], str]] = {}
        self.outcome = Outcome("generate")
        self.answers: list[Answer] = []

    @property
    def target(self) -> int:
        """How many machine-written instructions are wanted."""
        return self._config.num_instructions

    @property
    def done(self) -> int:
        """How many there are."""
        return len(self._machine)

    @property
    def requests_left(self) -> int:
        """About how many answers more the target takes, going by recent acceptance."""
        return math.ceil((self.target - self.done) / max(self._expected, 0.1))

    @property
    def _expected(self) -> float:
        """How many candidates of an answer are accepted, going by the last ones; at first all that were asked for."""
        recent = [accepted for accepted, _ in self._recent][-_RECENT:]
        return sum(recent) / len(recent) if recent else self._config.per_request

    @property
    def saturated(self) -> bool:
        """Whether the target is out of reach: too few candidates of the last requests were accepted to go on."""
        recent = list(self._recent)[-self._config.acceptance_requests :]
        accepted, candidates = (sum(counts) for counts in zip(*recent, strict=True)) if recent else (0, 0)
        enough = len(recent) == self._config.acceptance_requests
        return self.done < self.target and enough and accepted < self._config.min_acceptance * candidates

    @property
    def curve(self) -> list[dict[str, int | float | None]]:
        """Accepted instructions and cost after each request, and what one more instruction costs by then.

        The marginal cost is that of the last `acceptance_requests` requests over what they brought, in USD; null
        where they brought nothing or a price is not known.
        """
        rows: list[dict[str, int | float | None]] = []
        for index, size in enumerate(self._sizes):
            recent = max(0, index - self._config.acceptance_requests)
            gained, cost = size - self._sizes[recent], total_cost(self.answers[recent:index])
            marginal = round(cost / gained, 6) if gained and cost is not None else None
            rows.append({"request": index, "accepted": size, "marginal_cost_usd": marginal})
        return rows

    def may_launch(self, index: int, committed: int) -> bool:
        """Whether request `index` is decided by now and still needed, going by recent acceptance."""
        if committed < commits_before(index, self._config.window):
            return False
        under_way = index - committed
        return under_way == 0 or self.done + under_way * self._expected < self.target

    def prepare(self, index: int) -> Request:
        """Return request `index`: up to `num_machine` machine-written instructions, seeds in all other places."""
        size = self._sizes[commits_before(index, self._config.window)]
        draw = mix(self._seed, index)
        machine = self._machine.draw(draw, self._config.num_machine, size)
        places = self._config.num_seed + self._config.num_machine - len(machine)
        shown = sorted([*machine, *self._seeds.draw(draw, places, len(self._seeds))])
        focus = draw_focus(self._config.focus, mix(draw, index))
        self._shown[index] = [task_id for _, task_id, _ in shown], focus
        instructions = [instruction for _, _, instruction in shown]
        prompt = self._render(instructions=instructions, count=self._config.per_request, focus=focus)
        return self._requests.make(prompt, self._config.max_tokens)

    def commit(self, index: int, answer: Answer) -> bool:
        """Judge the candidates of an answer in order; True when the target is reached or the pool is saturated."""
        before, rejected = len(self._machine), len(self.outcome.rejected)
        self.answers.append(answer)
        self._judge(self._candidates(index, answer))
        self._sizes.append(len(self._machine))
        accepted = len(self._machine) - before
        self._recent.append((accepted, accepted + len(self.outcome.rejected) - rejected))
        return self.done == self.target or self.saturated

    def _candidates(self, index: int, answer: Answer) -> list[Candidate]:
        prompted_by, focus = self._shown.pop(index)

        def candidate(text: str) -> Candidate:
            return Candidate(
                id=instruction_id(text),
                instruction=text,
                prompted_by=prompted_by,
                focus=focus,
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

    def _judge(self, candidates: Sequence[Candidate]) -> None:
        """Judge the candidates of an answer in order; those that break no rule are compared in one call."""
        faults = [self._fault(candidate) for candidate in candidates]
        sound = [row.instruction for row, (reason, _) in zip(candidates, faults, strict=True) if not reason]
        verdicts = iter(self._pool.admit(sound))
        for candidate, (reason, found) in zip(candidates, faults, strict=True):
            verdict = None if reason else next(verdicts)
            if self.done == self.target:
                self.outcome.reject("target_reached", candidate)
            elif verdict is None:
                self.outcome.reject(reason, candidate, found=found)
            elif verdict.accepted:
                self._accept(candidate, verdict)
            else:
                [nearest, *_] = self._similar(verdict)
                likeness = "duplicate" if verdict.identical else "too_similar"
                self.outcome.reject(likeness, candidate, nearest=nearest.id, rouge_l=nearest.rouge_l)

    def _fault(self, candidate: Candidate) -> tuple[str, str]:
        """Return the first rule a candidate breaks and what breaks it, twice empty if it keeps all."""
        words = len(self._tokenizer(candidate.instruction))
        found = ((reason, rule(candidate.instruction, words, self._config)) for reason, rule in RULES.items())
        return next(((reason, detail) for reason, detail in found if detail), ("", ""))

    def _accept(self, candidate: Candidate, verdict: Verdict) -> None:
        nearest = self._similar(verdict)
        self._machine.add(candidate.id, candidate.instruction)
        self._pool_ids.append(candidate.id)
        mean = round(verdict.mean_rouge_l, 6)
        self.outcome.kept.append(Instruction(**dict(candidate), most_similar=nearest, avg_similarity_score=mean))

    def _similar(self, verdict: Verdict) -> list[Similar]:
        return [Similar(id=self._pool_ids[index], rouge_l=round(score, 6)) for index, score in verdict.nearest]


def report_saturation(outcome: Outcome, generate: Generate) -> None:
    """Say on stderr that the run stopped before its target, and what most candidates were rejected for.

    Raises:
        SeedlingError: not one instruction was accepted, so there is no dataset.
    """
    [(reason, count)] = Counter(row.reason for row in outcome.rejected).most_common(1)
    message = (
        f"stopped at {len(outcome.kept):,} of {generate.num_instructions:,}: fewer than {generate.min_acceptance:.0%} "
        f"of the candidates of the last {generate.acceptance_requests} requests were accepted; most were rejected "
        f"as {reason} ({count:,} of {len(outcome.rejected):,})"
    )
    if not outcome.kept:
        raise SeedlingError(f"{message}; change the model, the prompt or the rules in `generate`")
    print(f"generate: {message}", file=sys.stderr)


def main() -> None:
    """Grow the pool and write what was accepted, what was not, and the acceptance curve."""
    with stage("generate") as config:
        seeds = read_seeds(config.seeds.path)
        check_seeds(seeds, config.seeds.path, config.generate)
        name = "generate_classification" if config.generate.classification_only else "generate"
        render = load_prompt(getattr(config.prompts, name), {"instructions", "count", "focus"})
        bootstrap = Bootstrap(config, seeds, render)
        answer_in_order("generate", config.runtime, bootstrap)
        received = len(bootstrap.outcome.kept) + len(bootstrap.outcome.rejected)
        if bootstrap.saturated:
            report_saturation(bootstrap.outcome, config.generate)
        write_json("reports/plots/acceptance.json", bootstrap.curve)
        bootstrap.outcome.write("data/instructions.jsonl", received, bootstrap.answers)


if __name__ == "__main__":
    main()
