"""Money: the prices of models, the reservation before each request, and the cap of a command."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from stages.choice.choose import Choice, amended
from stages.contract.config import Config
from stages.contract.errors import SeedlingError, UserError
from stages.contract.params import RUNTIME_VARIABLE
from stages.contract.sections.price import Price
from stages.llm.budget import last_commands
from stages.llm.command import RUN_VARIABLE
from stages.llm.prices import listed_price, own_price
from stages.llm.window import answer_each
from stages.store.answers import AnswerStore
from tests.llm_server import (
    Behaviour,
    Call,
    LlmServer,
    Reaction,
    answering,
    ask,
    configure,
    drop,
    failing,
    hang,
    malformed,
    requests_of,
    truncated,
)
from tests.repository import ROOT, Repository
from tests.test_window import prompts

MODEL = "openai/test"
PAID = {"provider": "openai", "model": MODEL}
PER_MTOK = 100.0
EACH_USD = 0.1
"""The maximum cost of a request of 1,000 tokens."""
PRICE = {"input_usd_per_mtok": 0.0, "cached_input_usd_per_mtok": 0.0, "output_usd_per_mtok": PER_MTOK}
NOTHING = Price(input_usd_per_mtok=0, cached_input_usd_per_mtok=0, output_usd_per_mtok=0)


@pytest.fixture(autouse=True)
def new_command() -> Iterator[Callable[[str], None]]:
    """Start each test as a separate `seedling` command; the function given to the test starts another one."""

    def begin(name: str) -> None:
        os.environ[RUN_VARIABLE] = f"elsewhere:{name}:1"

    begin("first")
    yield begin
    del os.environ[RUN_VARIABLE]


def used(completion_tokens: int, prompt_tokens: int = 3, cached_tokens: int = 0) -> Behaviour:
    """Return the behaviour of a server that reports these token counts."""
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": cached_tokens},
    }
    return answering(text="Hello.", finish_reason="stop", usage=usage)


def capped(server: LlmServer, folder: Path, cap_usd: float | None, **runtime: object) -> Config:
    """Return the config of a stage whose model charges 0.10 USD for 1,000 output tokens."""
    return server.configure(folder, PAID, runtime={"max_cost_usd": cap_usd, "price": {MODEL: PRICE}, **runtime})


def asked(server: LlmServer) -> list[str]:
    return [call.prompt for call in server.calls]


# Prices


def price(model: str, own: Mapping[str, object] = PRICE, named: str = "") -> Price | None:
    config = configure({"provider": "any", "model": model}, runtime={"price": {named: own}})
    return own_price(config.llm, config.runtime.price) or listed_price(config.llm)


@pytest.mark.parametrize("model", ["ollama/llama3.2", "ollama_chat/llama3.2", "hosted_vllm/Qwen/Qwen3-4B"])
def test_a_local_model_is_free_unless_runtime_price_names_it(model: str) -> None:
    assert price(model) == NOTHING
    assert price(model, named=model) == Price.model_validate(PRICE)


@pytest.mark.slow
def test_a_listed_model_has_the_listed_price_unless_runtime_price_names_it() -> None:
    model = "openai/gpt-4.1-mini"
    found = price(model)
    assert found
    assert found.input_usd_per_mtok == pytest.approx(0.4)
    assert found.cached_input_usd_per_mtok == pytest.approx(0.1)
    assert found.output_usd_per_mtok == pytest.approx(1.6)
    assert price(model, named=model) == Price.model_validate(PRICE)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param("openai/test", id="not_listed"),
        pytest.param("openai/a:b", id="name_with_a_colon"),
        pytest.param("dashscope/qwen-plus-latest", id="listed_with_tiered_prices"),
        pytest.param("bedrock/us-east-1/1-month-commitment/anthropic.claude-v2:1", id="listed_with_a_price_per_second"),
    ],
)
def test_an_unknown_price_stops_the_run_only_if_there_is_a_cap(
    model: str, llm_server: LlmServer, tmp_path: Path
) -> None:
    assert price(model) is None
    llm = {"provider": "any", "model": model}
    config = llm_server.configure(tmp_path, llm, runtime={"max_cost_usd": 5.0})
    with pytest.raises(UserError) as caught:
        ask(config, "Say hello.")
    assert (caught.value.exit_code, llm_server.calls) == (2, [])
    line = r"runtime.max_cost_usd: cannot enforce .*, the price of (\S+) is not known; add '(runtime.price=.*)', or .*"
    found = re.fullmatch(f"{line}runtime.max_cost_usd=null to run without a cap", str(caught.value))
    assert found
    assert found[1] == model
    typed = amended(Choice(), [found[2].replace("…", "1.0")])
    prices = configure(llm, runtime=typed.runtime).runtime.price
    assert own_price(config.llm, prices) == Price(
        input_usd_per_mtok=1, cached_input_usd_per_mtok=1, output_usd_per_mtok=1
    )


def test_the_cost_of_an_answer_is_computed_from_its_tokens(llm_server: LlmServer, tmp_path: Path) -> None:
    own = {"input_usd_per_mtok": 2.0, "cached_input_usd_per_mtok": 0.5, "output_usd_per_mtok": 10.0}
    llm_server.behaviour = used(prompt_tokens=1000, cached_tokens=600, completion_tokens=70)
    [answer] = ask(capped(llm_server, tmp_path, 5.0, price={MODEL: own}), "Say hello.")
    assert answer.cost_usd == pytest.approx((400 * 2 + 600 * 0.5 + 70 * 10) / 1e6)


# The cap


@pytest.mark.parametrize("concurrency", [1, 16])
@pytest.mark.parametrize(
    ("tokens", "answered"),
    [
        pytest.param(1000, 10, id="full_reservation"),
        pytest.param(500, 19, id="half_the_reservation"),
        pytest.param(1, 40, id="almost_nothing"),
    ],
)
def test_requests_are_sent_while_the_next_one_cannot_exceed_the_cap(
    tokens: int, answered: int, concurrency: int, llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = used(tokens)
    config = capped(llm_server, tmp_path, 1.0, concurrency=concurrency)
    if answered < 40:
        with pytest.raises(SeedlingError, match="spent") as caught:
            ask(config, *prompts(40))
        assert caught.value.exit_code == 1
    else:
        ask(config, *prompts(40))
    assert len(llm_server.calls) == answered


def test_a_stop_at_the_cap_prints_the_command_that_resumes_without_repeating_a_request(
    llm_server: LlmServer, tmp_path: Path, new_command: Callable[[str], None]
) -> None:
    llm_server.behaviour = used(1000)
    with pytest.raises(SeedlingError) as caught:
        ask(capped(llm_server, tmp_path, 1.0), *prompts(40))
    stopped = str(caught.value)
    assert stopped == (
        "done 10 of 40, spent 1.00 USD, about 3.00 more; every answer received is stored; "
        "continue: seedling run runtime.max_cost_usd=4"
    )
    new_command("second")
    assert len(ask(capped(llm_server, tmp_path, advised(stopped)), *prompts(40))) == 40
    assert sorted(asked(llm_server)) == sorted(prompts(40))


def advised(stopped: str) -> float:
    return float(stopped.rpartition("=")[2])


def test_a_resumed_run_that_stops_again_estimates_the_remaining_cost(
    llm_server: LlmServer, tmp_path: Path, new_command: Callable[[str], None]
) -> None:
    llm_server.behaviour = used(1000)
    for name, done, more in (("first", 10, 3.0), ("second", 20, 2.0), ("third", 30, 1.0)):
        new_command(name)
        with pytest.raises(SeedlingError, match=rf"^done {done} of 40, spent 1\.00 USD, about {more:.2f} more"):
            ask(capped(llm_server, tmp_path, 1.0), *prompts(40))


@pytest.mark.parametrize(
    ("output_usd_per_mtok", "cap_usd", "advice"),
    [
        pytest.param(1.0, 0.0, "0.002", id="0.00125"),
        pytest.param(8.0, 0.0, "0.01", id="0.01"),
        pytest.param(8.008, 0.0, "0.02", id="0.01001"),
        pytest.param(240.0, 0.0, "0.3", id="0.3"),
        pytest.param(3520.0, 0.0, "5", id="4.40"),
        pytest.param(8000.0, 0.0, "10", id="10"),
        pytest.param(8080.0, 0.0, "20", id="10.1"),
        pytest.param(3520.0, 3.0, "5", id="more_than_the_cap"),
    ],
)
def test_the_advised_cap_is_a_quarter_above_the_estimate_rounded_up_to_one_digit(
    output_usd_per_mtok: float, cap_usd: float, advice: str, llm_server: LlmServer, tmp_path: Path
) -> None:
    """One request of 1,000 tokens is estimated."""
    own = {**PRICE, "output_usd_per_mtok": output_usd_per_mtok}
    with pytest.raises(SeedlingError, match=rf"continue: seedling run runtime\.max_cost_usd={re.escape(advice)}$"):
        ask(capped(llm_server, tmp_path, cap_usd, price={MODEL: own}), "Say hello.")
    assert llm_server.calls == []


def test_a_cap_of_zero_blocks_paid_models_and_allows_free_ones(llm_server: LlmServer, tmp_path: Path) -> None:
    with pytest.raises(SeedlingError, match=r"^done 0 of 3, spent 0\.00 USD, about 0\.30 more"):
        ask(capped(llm_server, tmp_path, 0.0), *prompts(3))
    assert llm_server.calls == []
    ask(llm_server.configure(tmp_path, runtime={"max_cost_usd": 0.0}), *prompts(3))
    assert len(llm_server.calls) == 3


def test_a_run_without_a_cap_is_never_stopped(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = used(1000)
    assert len(ask(capped(llm_server, tmp_path, None), *prompts(40))) == 40


def test_a_replay_ignores_the_cap(llm_server: LlmServer, tmp_path: Path) -> None:
    first = ask(capped(llm_server, tmp_path, 5.0), *prompts(3))
    assert ask(capped(llm_server, tmp_path, 0.0), *prompts(3)) == first


# The charge for an attempt


@pytest.mark.parametrize(
    ("behaviour", "spent"),
    [
        pytest.param(used(250), "0.0250", id="answer"),
        pytest.param(answering(text="Hello.", usage=None), "0.10", id="answer_without_usage"),
        pytest.param(answering(text="", finish_reason="length"), "0.10", id="reasoning_only"),
        pytest.param(hang, "0.10", id="deadline"),
        pytest.param(drop, "0.10", id="dropped"),
        pytest.param(truncated, "0.10", id="truncated"),
        pytest.param(malformed, "0.10", id="malformed"),
        pytest.param(answering(choices=[]), "0.10", id="no_choice"),
        pytest.param(failing(500), "0.00", id="500"),
        pytest.param(failing(429, retry_after="1"), "0.00", id="429"),
        pytest.param(failing(401), "0.00", id="401"),
        pytest.param(failing(400, "This model's maximum context length is 10 tokens."), "0.00", id="prompt_too_long"),
    ],
)
def test_an_attempt_that_may_have_been_billed_is_charged_at_its_maximum_cost(
    behaviour: Behaviour,
    spent: str,
    llm_server: LlmServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    llm_server.behaviour = behaviour
    limits = {"attempts": 1, "deadline_seconds": 0.3 if behaviour is hang else 30.0, "overload_seconds": 0.5}
    with suppress(SeedlingError):
        ask(capped(llm_server, tmp_path, 5.0, **limits), "Say hello.")
    assert f", {spent} of 5 USD spent" in capsys.readouterr().err.splitlines()[-1]
    assert len(llm_server.calls) == 1


def test_an_answer_of_a_paid_model_without_usage_has_an_unknown_cost(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = answering(text="Hello.", usage=None)
    config = llm_server.configure(tmp_path, {**PAID, "model": "openai/gpt-4.1-mini"}, runtime={"max_cost_usd": 5.0})
    assert [answer.cost_usd for answer in ask(config, "Say hello.")] == [None]


def test_attempts_that_may_have_been_billed_reach_the_cap(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = hang
    config = capped(llm_server, tmp_path, 0.25, deadline_seconds=0.2, attempts=20)
    with pytest.raises(SeedlingError, match=r"^done 0 of 1, spent 0\.20 USD"):
        ask(config, "Say hello.")
    assert len(llm_server.calls) == 2


# Implausible figures and unexpected costs


def reporting(**usage: object) -> Behaviour:
    """Return the behaviour of a server that reports this usage."""
    usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, **usage}
    return answering(text="Hello.", finish_reason="stop", usage=usage)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # `load_litellm` ignores them too
@pytest.mark.parametrize(
    ("usage", "counted", "is_known"),
    [
        pytest.param({}, (100, 0, 50, 0), True, id="plausible"),
        pytest.param({"prompt_tokens": -100}, (0, 0, 50, 0), False, id="negative_prompt"),
        pytest.param({"completion_tokens": -50}, (100, 0, 0, 0), False, id="negative_answer"),
        pytest.param({"prompt_tokens": -(10**9), "completion_tokens": -(10**9)}, (0, 0, 0, 0), False, id="negative"),
        pytest.param({"prompt_tokens_details": {"cached_tokens": -9}}, (100, 0, 50, 0), True, id="negative_cached"),
        pytest.param({"prompt_tokens_details": {"cached_tokens": 101}}, (100, 0, 50, 0), True, id="too_many_cached"),
        pytest.param({"prompt_tokens_details": {"cached_tokens": 60}}, (100, 60, 50, 0), True, id="cached"),
        pytest.param({"prompt_tokens_details": 5}, (100, 0, 50, 0), True, id="details_of_a_wrong_type"),
        pytest.param({"completion_tokens_details": {"reasoning_tokens": -9}}, (100, 0, 50, 0), True, id="reasoning"),
        pytest.param({"completion_tokens": 10**18}, (100, 0, 0, 0), False, id="implausibly_large"),
        pytest.param({"prompt_tokens": None}, (0, 0, 50, 0), False, id="missing_prompt"),
        pytest.param({"completion_tokens": None}, (100, 0, 0, 0), False, id="missing_answer"),
        pytest.param({"prompt_tokens": "100", "completion_tokens": 50.0}, (100, 0, 50, 0), True, id="numbers_as_text"),
        pytest.param({"cost": -5.0}, (100, 0, 50, 0), True, id="negative_cost"),
    ],
)
def test_an_implausible_token_count_is_treated_as_missing_and_never_lowers_the_cost(
    usage: Mapping[str, object],
    counted: tuple[int, ...],
    is_known: bool,
    llm_server: LlmServer,
    tmp_path: Path,
) -> None:
    """The price is that of LiteLLM's list, then the same price set in `runtime.price`."""
    model = "openai/gpt-4.1-mini"
    own = {"input_usd_per_mtok": 0.4, "cached_input_usd_per_mtok": 0.1, "output_usd_per_mtok": 1.6}
    cost = ((counted[0] - counted[1]) * 0.4 + counted[1] * 0.1 + counted[2] * 1.6) / 1e6
    llm_server.behaviour = reporting(**usage)
    for number, price in enumerate(({}, {model: own})):
        folder = tmp_path / str(number)
        reach = {"max_cost_usd": 5.0, "price": price}
        [answer] = ask(llm_server.configure(folder, {**PAID, "model": model}, runtime=reach), "Say hello.")
        figures = (answer.prompt_tokens, answer.cached_tokens, answer.completion_tokens, answer.reasoning_tokens)
        assert figures == counted
        assert answer.cost_usd == (pytest.approx(cost) if is_known else None)
        with closing(AnswerStore(folder)) as store:
            [(_, spent, reserved)] = last_commands(store.database, 1)
        assert (spent > 0, reserved) == (True, 0)


def test_a_negative_cost_reported_by_a_router_is_treated_as_unknown(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = reporting(cost=-5.0)
    llm = {"provider": "any", "model": "openrouter/some/model"}
    config = llm_server.configure(tmp_path, llm, runtime={"price": {}})
    assert [answer.cost_usd for answer in ask(config, "Say hello.")] == [None]


def test_a_filtered_answer_without_usage_has_an_unknown_cost(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = answering(text="", finish_reason="content_filter", usage=None)
    [answer] = ask(capped(llm_server, tmp_path, 5.0), "Say hello.")
    assert (answer.finish_reason, answer.cost_usd) == ("content_filter", None)


@pytest.mark.parametrize("concurrency", [1, 64])
@pytest.mark.parametrize("times", [5, 20, 50])
def test_answers_that_cost_more_than_estimated_overspend_at_most_the_cap_again(
    times: int, concurrency: int, llm_server: LlmServer, tmp_path: Path
) -> None:
    """One answer is estimated at 0.002 USD; the cap is 0.20 USD."""
    llm_server.behaviour = lambda call: replace(used(20 * times)(call), delay_seconds=0.05)
    config = capped(llm_server, tmp_path, 0.2, concurrency=concurrency)
    requests = requests_of(config.generate, *prompts(200), max_tokens=20)
    with pytest.raises(SeedlingError, match=r"^done "):
        answer_each("generate", config.runtime, requests)
    spent = len(llm_server.calls) * 20 * times * PER_MTOK / 1e6
    assert 0.15 < spent <= 2 * 0.2


def test_one_expensive_answer_raises_the_reservation_for_later_requests(llm_server: LlmServer, tmp_path: Path) -> None:
    """Each request is estimated at 0.10 USD. One costs 0.40 and one 0.30: the next may cost 0.40 too, above the cap."""
    llm_server.script += [used(1), used(1), used(4000), used(1), used(3000)]
    llm_server.behaviour = used(1)
    with pytest.raises(SeedlingError, match=r"^done 5 of 10, spent 0\.70 USD"):
        ask(capped(llm_server, tmp_path, 1.0, concurrency=1), *prompts(10))
    assert len(llm_server.calls) == 5


def test_requests_start_in_parallel_if_the_cap_leaves_room(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = lambda call: replace(used(1)(call), delay_seconds=0.3)
    ask(capped(llm_server, tmp_path, 1000.0, concurrency=16), *prompts(16))
    assert llm_server.max_in_flight == 16


# One command


def test_the_cap_covers_all_stages_of_one_command_and_starts_anew_with_the_next(
    llm_server: LlmServer, tmp_path: Path, new_command: Callable[[str], None]
) -> None:
    llm_server.behaviour = used(1000)
    config = capped(llm_server, tmp_path, 1.0)
    ask(config, *prompts(40)[:4])
    with pytest.raises(SeedlingError, match=r"^done 6 of 36, spent 1\.00 USD"):
        ask(config, *prompts(40)[4:])
    new_command("second")
    with pytest.raises(SeedlingError, match=r"^done 10 of 30, spent 1\.00 USD"):
        ask(config, *prompts(40)[10:])
    assert len(llm_server.calls) == 20


def ask_and_exit(folder: str, api_base: str, name: str) -> None:
    """Request 40 answers with a cap that 10 use up, and exit as a stage does. Runs in a separate process."""
    reach = {"answers_dir": folder, "api_base": api_base, "concurrency": 4}
    config = configure(PAID, runtime={**reach, "max_cost_usd": 1.0, "price": {MODEL: PRICE}})
    try:
        ask(config, *(f"{name}: {prompt}" for prompt in prompts(40)))
    except SeedlingError as error:
        sys.exit(error.exit_code)


def run_two(server: LlmServer, folder: Path, *runs: str) -> list[int]:
    """Run two processes in parallel, one for each run id, and return their exit codes."""
    processes = []
    for name, run in zip("ab", runs, strict=True):
        arguments = ", ".join(map(repr, (str(folder), server.api_base, name)))
        code = f"from tests.test_budget import ask_and_exit; ask_and_exit({arguments})"
        environment = {**os.environ, RUN_VARIABLE: run}
        processes.append(subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment))
    return [process.wait(60) for process in processes]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runs", "sent"),
    [
        pytest.param(("elsewhere:1:1", "elsewhere:1:1"), 10, id="one_command"),
        pytest.param(("elsewhere:1:1", "elsewhere:2:1"), 20, id="two_commands"),
    ],
)
def test_processes_share_a_cap_only_within_one_command(
    runs: tuple[str, str], sent: int, llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = lambda call: replace(used(1000)(call), delay_seconds=0.1)
    assert run_two(llm_server, tmp_path, *runs) == [1, 1]
    assert len(llm_server.calls) == sent


def billed(server: LlmServer, usd_per_mtok: float) -> Callable[[], float]:
    """Let a server bill each answer at its token limit, and return a function that gives the total in USD."""
    bills: list[int] = []

    def behave(call: Call) -> Reaction:
        bills.append(call.body["max_tokens"])
        usage = {"prompt_tokens": 1, "completion_tokens": bills[-1], "total_tokens": 1 + bills[-1]}
        return answering(usage=usage)(call)

    server.behaviour = behave
    return lambda: sum(bills) * usd_per_mtok / 1e6


@pytest.mark.slow
def test_under_plain_dvc_the_cap_covers_all_stages_of_one_repro(repository: Repository, llm_server: LlmServer) -> None:
    """At 100 USD for a million tokens, `generate` costs about 0.40 USD and `instantiate` would cost 1.60 USD."""
    repository.choose("llm=vllm")
    bill = billed(llm_server, PER_MTOK)
    model = repository.params()["llm"]["model"]
    reach = {"api_base": llm_server.api_base, "price": {model: PRICE}, "concurrency": 2}

    def reproduce(cap_usd: float) -> subprocess.CompletedProcess[str]:
        return repository.dvc("repro", **{RUNTIME_VARIABLE: json.dumps({**reach, "max_cost_usd": cap_usd})})

    first = reproduce(1.5)
    spent = bill()
    stopped = re.search(r"^instantiate: done \d+ of \d+, spent (\S+) USD, .*max_cost_usd=\S+$", first.stderr, re.M)
    assert stopped, first.stderr
    assert float(stopped[1]) == pytest.approx(spent, abs=0.01)
    assert 1.5 - 3 * 0.1024 < spent <= 1.5
    assert reproduce(advised(stopped[0])).returncode == 0
    assert bill() - spent <= advised(stopped[0])
    assert len(set(asked(llm_server))) == len(asked(llm_server))
