"""docs/providers.md and conf/llm/ agree with LiteLLM's bundled list of models and its rules for parameters."""

import contextlib
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import yaml

from stages.choice.adopt import composed
from stages.choice.choose import Choice, amended
from stages.contract.config import Config
from stages.contract.errors import UserError
from stages.contract.sections.price import Price
from stages.contract.validation import validate
from stages.llm.prices import own_price
from stages.llm.wire import refused_parameters
from stages.store.request import Requests
from tests.repository import ROOT

# importing LiteLLM takes two seconds, so one worker runs all of these
pytestmark = pytest.mark.xdist_group("providers")

GUIDE = (ROOT / "docs/providers.md").read_text("utf-8")
GROUPS = sorted(path.stem for path in (ROOT / "conf/llm").glob("[!_]*.yaml"))
OWN_MACHINE = "0, own machine"
NOTHING = Price(input_usd_per_mtok=0, cached_input_usd_per_mtok=0, output_usd_per_mtok=0)


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    provider: str
    exported: frozenset[str]
    command: str
    not_sent: str
    price_known: str


def rows() -> list[Row]:
    """Return the table, whose rows look like: | Mistral | `MISTRAL_API_KEY` | `seedling run …` | none | yes |."""
    section = GUIDE.partition("\n## The table\n")[2].partition("\n## ")[0]
    _header, _rule, *lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [
        Row(provider, frozenset(re.findall(r"`(\w+)`", exported)), command.strip("`"), not_sent, price_known)
        for provider, exported, command, not_sent, price_known in cells
    ]


ROWS = [pytest.param(row, id=row.provider) for row in rows()]
PAID_ROWS = [pytest.param(row, id=row.provider) for row in rows() if row.price_known != OWN_MACHINE]
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("seedling run")
]


@cache
def configured(command: str) -> Config:
    """Return the config that a `seedling run` command composes to."""
    with contextlib.chdir(ROOT):
        choice = amended(Choice(), shlex.split(command)[2:])
        content = yaml.safe_load(composed(choice))
    return validate(Config, {**content, "runtime": {**content["runtime"], **choice.runtime}})


def first_line(group: str) -> str:
    """Return the command in a first line such as: # seedling run llm=gemini            Google Gemini; export …."""
    line = (ROOT / f"conf/llm/{group}.yaml").read_text("utf-8").splitlines()[0]
    command, _, said = line.removeprefix("# ").partition("   ")
    assert said.strip()
    return command


def not_sent(config: Config) -> str:
    """Return the parameters that the stages do not send with their defaults, in the words of the table."""
    asked = {
        "generate": config.generate.max_tokens,
        "classify": config.classify.max_tokens,
        "instantiate": config.instantiate.max_tokens_per_instance,
    }
    stages: dict[str, list[str]] = {}
    for stage, max_tokens in asked.items():
        for parameter in refused_parameters(Requests(getattr(config, stage)).make("Say hello.", max_tokens)):
            stages.setdefault(parameter, []).append(stage)
    return "; ".join(f"`{parameter}` of {', '.join(names)}" for parameter, names in stages.items()) or "none"


@contextlib.contextmanager
def environment(*names: str) -> Iterator[None]:
    """Set only these variables, as on a machine where the user exported nothing else."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(dict.fromkeys(names, "x"))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="module")
def litellm() -> Any:  # Any: litellm's own annotations are partial
    import litellm

    litellm.suppress_debug_info = True
    return litellm


def listed(litellm: Any, model: str) -> dict[str, Any]:  # Any: litellm and the JSON of its list
    """Return the entry of a model in the bundled list, empty if there is none."""
    try:
        entry: dict[str, Any] = litellm.model_cost[litellm.get_model_info(model)["key"]]
    except litellm.exceptions.ModelNotMappedError:
        return {}
    return entry


def is_priced(entry: dict[str, Any]) -> bool:  # Any: JSON
    return all(entry.get(f"{side}_cost_per_token", 0) > 0 for side in ("input", "output"))


def missing_variables(litellm: Any, model: str) -> set[str]:  # Any: litellm
    """Return the variables LiteLLM misses, without the URL of Ollama, which has a default."""
    return set(litellm.validate_environment(model)["missing_keys"]) - {"OLLAMA_API_BASE"}


# The table


@pytest.mark.slow
def test_the_table_has_a_row_for_every_group_and_every_promised_provider() -> None:
    chosen = {word.removeprefix("llm=") for row in rows() for word in row.command.split() if word.startswith("llm=")}
    routes = {configured(row.command).llm.route for row in rows()}
    assert chosen == set(GROUPS) - {"offline"}
    assert routes >= {"azure", "bedrock", "mistral", "deepseek", "groq", "openrouter", "together_ai", "hosted_vllm"}


@pytest.mark.parametrize("row", ROWS)
def test_the_route_is_a_provider_of_litellm(row: Row, litellm: Any) -> None:
    assert configured(row.command).llm.route in litellm.provider_list


@pytest.mark.parametrize("row", ROWS)
def test_the_table_lists_the_parameters_that_the_model_does_not_accept(row: Row) -> None:
    assert row.not_sent == not_sent(configured(row.command))


@pytest.mark.parametrize("row", PAID_ROWS)
def test_the_table_states_whether_litellm_knows_the_price(row: Row, litellm: Any) -> None:
    entry = listed(litellm, configured(row.command).llm.model)
    assert row.price_known == ("yes" if is_priced(entry) else "no")
    assert entry.get("mode", "chat") == "chat"


@pytest.mark.parametrize("row", PAID_ROWS)
def test_the_table_lists_the_variables_that_litellm_reads(row: Row, litellm: Any) -> None:
    llm = configured(row.command).llm
    with environment():
        assert missing_variables(litellm, llm.model) & row.exported
    with environment(*row.exported):
        assert missing_variables(litellm, llm.model) == set()
    with environment(*(row.exported - {llm.api_key_env})):
        assert llm.api_key_env is None or llm.api_key_env in missing_variables(litellm, llm.model)


@pytest.mark.parametrize("row", [row for row in ROWS if row not in PAID_ROWS])
def test_a_local_model_needs_no_key_and_no_price(row: Row, litellm: Any) -> None:
    config = configured(row.command)
    assert (row.exported, config.llm.api_key_env) == (frozenset(), None)
    assert own_price(config.llm, config.runtime.price) == NOTHING
    with environment():
        assert missing_variables(litellm, config.llm.model) == set()


# The rest of the guide


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_composes(command: str) -> None:
    configured(command)


def test_the_guide_sets_a_price_for_every_model_without_a_listed_one(litellm: Any) -> None:
    named = [model for command in COMMANDS for model in configured(command).runtime.price]
    unknown = [configured(row.command).llm.model for row in rows() if row.price_known == "no"]
    assert set(unknown) <= set(named)
    assert any(":" in model for model in named)
    assert not any(is_priced(listed(litellm, model)) for model in named)


def test_the_guide_shows_how_to_use_several_servers() -> None:
    assert any(len(configured(command).runtime.api_base) == 2 for command in COMMANDS)


# The groups


@pytest.mark.parametrize("group", GROUPS)
def test_the_first_line_of_a_group_is_the_command_that_uses_it(group: str) -> None:
    provider = yaml.safe_load((ROOT / f"conf/llm/{group}.yaml").read_text("utf-8"))["provider"]
    assert f"llm={group}" in shlex.split(first_line(group))
    assert configured(first_line(group)).llm.provider == provider


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_with_a_key_has_a_listed_mode_and_price_and_one_without_is_free(group: str, litellm: Any) -> None:
    config = configured(first_line(group))
    if config.llm.api_key_env is None:
        assert own_price(config.llm, config.runtime.price) == NOTHING
    else:
        entry = listed(litellm, config.llm.model)
        assert is_priced(entry)
        assert entry["mode"] == config.llm.mode


def test_llm_any_without_a_model_gives_a_one_line_error_with_the_command() -> None:
    with pytest.raises(UserError) as error:
        configured("seedling run llm=any")
    assert error.value.exit_code == 2
    assert str(error.value) == (
        f"llm.model: llm=any needs the name of a model, as in `{first_line('any')}`, found 'any/NAME'"
    )


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            "llm.model=mistral-small-latest",
            "llm.model: write it as PROVIDER/NAME, such as mistral/mistral-small-latest, found 'mistral-small-latest'",
        ),
        ("llm.model=mistral/", "llm.model: write it as PROVIDER/NAME, such as mistral/mistral-small-latest, "),
        ("llm.model=/x", "llm.model: write it as PROVIDER/NAME, such as mistral/mistral-small-latest, found '/x'"),
        (
            "llm.model=offline/book",
            "llm.model: the built-in model needs its revision; choose llm=offline, found 'offline/book'",
        ),
        ("llm.model=a/b llm@classify.llm=any", "classify.llm.model: llm=any needs the name of a model"),
    ],
    ids=["no_provider", "no_name", "empty_provider", "built_in_model", "model_of_one_stage"],
)
def test_an_invalid_model_name_gives_a_one_line_error(overrides: str, line: str) -> None:
    with pytest.raises(UserError) as error:
        configured(f"seedling run llm=any {overrides}")
    [said] = str(error.value).splitlines()
    assert said.startswith(line)


@pytest.mark.parametrize(
    ("model", "route"),
    [("openai/gpt-4.1", "openai"), ("openrouter/openai/gpt-4.1", "openrouter")],
)
def test_the_route_is_the_part_before_the_first_slash(model: str, route: str) -> None:
    assert configured(f"seedling run llm=any llm.model={model}").llm.route == route
