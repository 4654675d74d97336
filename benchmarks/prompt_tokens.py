"""Measure how long each prompt is: the part that is the same in every request, and the part that changes.

    python -m benchmarks.prompt_tokens

Tokens are estimated as characters / 4, with the seeds and the counts of params.yaml. What a provider counts is in
`prompt_tokens` of `data/answers/`.
"""

from collections.abc import Sequence
from pathlib import Path

import yaml

from stages.contract.config import Config
from stages.contract.records import SeedTask
from stages.contract.seeds import read_seeds
from stages.contract.validation import validate
from stages.draw.ranking import Shelf, mix
from stages.text.prompts import load_prompt

ROOT = Path(__file__).parents[1]
CHARACTERS_PER_TOKEN = 4
REQUESTS = 200  # of generate, over which the mean is taken
NAMES = ("generate", "generate_classification", "classify", "input_first", "output_first")


def fillings(name: str, seeds: Sequence[SeedTask], config: Config) -> list[dict[str, object]]:
    """Return the variables of a prompt for each of its requests, with seeds in place of model-written tasks."""
    if name.startswith("generate"):
        shelf = Shelf()
        for seed in seeds:
            if seed.is_classification or name == "generate":
                shelf.add(seed.id, seed.instruction)
        places = config.generate.num_seed + config.generate.num_machine
        draws = [shelf.draw(mix(config.seed, index), places, len(shelf)) for index in range(REQUESTS)]
        shown = [[instruction for _, _, instruction in draw] for draw in draws]
        return [{"instructions": texts, "count": config.generate.per_request, "focus": ""} for texts in shown]
    if name == "classify":
        return [{"instruction": seed.instruction} for seed in seeds]
    output_first = name == "output_first"
    settings = config.instantiate
    count = settings.instances_per_classification_task if output_first else settings.instances_per_task
    return [
        {"instruction": seed.instruction, "count": count} for seed in seeds if seed.is_classification == output_first
    ]


def measure(path: str, variables: Sequence[dict[str, object]]) -> tuple[int, int, int]:
    """Return a prompt's tokens: the constant beginning, the rest that is constant, and the mean of the variable part.

    The variable part is the text of the instructions shown, with the tag or number of each if there are several.
    """
    render = load_prompt(str(ROOT / path), set(variables[0]))
    prompts = [render(**values) for values in variables]
    empty = {"instructions": [], "instruction": ""}
    without = render(**{name: empty.get(name, value) for name, value in variables[0].items()})
    columns = zip(without, *prompts, strict=False)
    beginning = next((place for place, column in enumerate(columns) if len(set(column)) > 1), len(without))
    changing = sum(map(len, prompts)) / len(prompts) - len(without)
    tokens = [characters / CHARACTERS_PER_TOKEN for characters in (beginning, len(without) - beginning, changing)]
    first, after, mean = (round(count) for count in tokens)
    return first, after, mean


def main() -> None:
    """Print the table."""
    config = validate(Config, yaml.safe_load((ROOT / "params.yaml").read_text("utf-8")))
    seeds = read_seeds(str(ROOT / config.seeds.path))
    print("| prompt | constant beginning | constant after it | variable, mean | together |\n|---|---|---|---|---|")
    for mode in ("chat", "completion"):
        for name in NAMES:
            path = f"prompts/{mode}/{name}.j2"
            counts = measure(path, fillings(name, seeds, config))
            print(f"| `{path}` | {' | '.join(f'{count:,}' for count in (*counts, sum(counts)))} |")


if __name__ == "__main__":
    main()
