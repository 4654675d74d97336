"""What a prompt for new instructions shows: seeds, machine-written instructions, and a focus."""

from collections.abc import Sequence
from typing import NamedTuple

from stages.contract.records import SeedTask
from stages.contract.sections.generate import Generate
from stages.draw.order import commits_before
from stages.draw.ranking import Shelf, draw_focus, mix


class Shown(NamedTuple):
    """What one prompt shows."""

    ids: list[str]
    instructions: list[str]
    focus: str
    """Empty when there is none."""


class InContext:
    """The tasks that prompts may show: seeds, and machine-written instructions as they are accepted."""

    def __init__(self, seeds: Sequence[SeedTask], generate: Generate, seed: int) -> None:
        self._generate = generate
        self._seed = seed
        self._seeds, self._machine = Shelf(), Shelf()
        for task in seeds:
            if is_shown(task, generate):
                self._seeds.add(task.id, task.instruction)
        self._sizes = [0]  # entry n: the number of machine-written instructions after n commits

    def add(self, task_id: str, instruction: str) -> None:
        """Add a machine-written instruction; prompts may show it once its answer is committed."""
        self._machine.add(task_id, instruction)

    def commit(self) -> None:
        """Commit an answer: what was added since the last commit becomes part of the next state of the pool."""
        self._sizes.append(len(self._machine))

    def show(self, index: int) -> Shown:
        """Return what request `index` shows: up to `num_machine` machine-written instructions, and seeds for the rest.

        Both kinds are in one ranked order, so they are mixed.
        """
        size = self._sizes[commits_before(index, self._generate.window)]
        draw = mix(self._seed, index)
        machine = self._machine.draw(draw, self._generate.num_machine, size)
        places = self._generate.num_seed + self._generate.num_machine - len(machine)
        ranked = sorted([*machine, *self._seeds.draw(draw, places, len(self._seeds))])
        focus = draw_focus(self._generate.focus, mix(draw, index))
        return Shown([task_id for _, task_id, _ in ranked], [text for _, _, text in ranked], focus)


def is_shown(seed: SeedTask, generate: Generate) -> bool:
    """Return True if prompts may show a seed. Candidates must differ from every seed, shown or not."""
    wanted = not generate.domains or seed.domain in generate.domains
    return wanted and (seed.is_classification or not generate.classification_only)
