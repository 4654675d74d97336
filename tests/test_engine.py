"""The pipeline against a real engine: transformers serves a Llama with random weights.

The model reads bytes and writes each of WORDS about equally often, so that some of its instructions are accepted.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from stages.contract.config import Config
from stages.contract.errors import UserError
from stages.contract.params import RUNTIME_VARIABLE
from tests.llm_server import NOBODY, ask, configure
from tests.repository import Repository

VARIABLE = "SEEDLING_TEST_ENGINE"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("engine"),
    pytest.mark.skipif(
        not os.environ.get(VARIABLE),
        reason=f"no engine: `tests/engine.sh FOLDER` installs one, `export {VARIABLE}=FOLDER/bin/python` names it",
    ),
]

VERDICTS = [" Yes.\n", " No.\n", "\nYes.\n", "\nNo.\n"]  # with them three in ten random verdicts can be read
WORDS = [*VERDICTS, " yes", " no", " name", " a", " river", " sort", " these", " words", " 河", "\n\n", "<task>"]
WRITTEN = re.compile("|".join(map(re.escape, WORDS)))
END = "<end>"
LAYERS = 2
WIDTH = 64
START_SECONDS = 120.0

PROMPTS = [f"Go on: 河 {'abcdefghijklmnop'[:length]}" for length in range(1, 17)]
MODEL_STAGES = ("generate", "classify", "instantiate")
MODES = ["chat", "completion"]


def tokenizer() -> Tokenizer:
    """Return a tokenizer whose vocabulary is the 256 bytes, WORDS and END, in this order."""
    of_bytes = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={byte: number for number, byte in enumerate(of_bytes)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_tokens(WORDS)
    made.add_special_tokens([END])
    return made


def weights(vocab_size: int) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of a Llama of about 120,000 parameters, by name."""
    norms = ["model.norm"]
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens": (vocab_size, WIDTH), "lm_head": (vocab_size, WIDTH)}
    for layer in (f"model.layers.{number}" for number in range(LAYERS)):
        norms += [f"{layer}.input_layernorm", f"{layer}.post_attention_layernorm"]
        shapes |= {f"{layer}.self_attn.{name}_proj": (WIDTH, WIDTH) for name in "qkvo"}
        shapes |= {f"{layer}.mlp.{name}_proj": (2 * WIDTH, WIDTH) for name in ("gate", "up")}
        shapes |= {f"{layer}.mlp.down_proj": (WIDTH, 2 * WIDTH)}
    generator = np.random.default_rng(1)
    drawn = {name: generator.normal(0, 0.02, shape).astype("<f4") for name, shape in shapes.items()}
    return {f"{name}.weight": values for name, values in (drawn | dict.fromkeys(norms, np.ones(WIDTH, "<f4"))).items()}


def safetensors(tensors: dict[str, NDArray[np.float32]]) -> bytes:
    """Return the content of a safetensors file: the length of its header, the header, the values."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": [start, start + values.nbytes]}
        start += values.nbytes
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + b"".join(values.tobytes() for values in tensors.values())


def write_model(folder: Path) -> None:
    """Write a model in the format of transformers."""
    words = tokenizer()
    end = words.token_to_id(END)
    files = {
        "config.json": {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "dtype": "float32",
            "vocab_size": words.get_vocab_size(),
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": 4,
            "max_position_embeddings": 16_384,
            "bos_token_id": None,
            "eos_token_id": end,
        },
        "generation_config.json": {
            "do_sample": True,
            "eos_token_id": end,
            "pad_token_id": end,
            "suppress_tokens": list(range(256)),
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": END,
            "chat_template": "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}{% endfor %}",
        },
    }
    folder.mkdir()
    words.save(str(folder / "tokenizer.json"))
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), "utf-8")
    (folder / "model.safetensors").write_bytes(safetensors(weights(words.get_vocab_size())))


@pytest.fixture(scope="module")
def api_base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the engine, which runs in a separate process and environment."""
    folder = tmp_path_factory.mktemp("engine")
    write_model(folder / "tiny")
    serve = [os.environ[VARIABLE], "-m", "transformers.cli.transformers", "serve", "tiny"]
    where = ["--host", "127.0.0.1", "--port", "0", "--device", "cpu"]
    alone = {"HF_HOME": str(folder), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with (
        open(folder / "log", "w", encoding="utf-8") as log,
        subprocess.Popen([*serve, *where], cwd=folder, env={**os.environ, **alone}, stdout=log, stderr=log) as engine,
    ):
        try:
            yield f"{wait_for_url(engine, folder / 'log')}/v1"
        finally:
            engine.kill()


def wait_for_url(engine: subprocess.Popen[bytes], log: Path) -> str:
    """Return the URL that the engine logs once it listens."""
    started = time.monotonic()
    while engine.poll() is None and time.monotonic() - started < START_SECONDS:
        if url := re.search(r"running on (http://127\.0\.0\.1:\d+) ", log.read_text("utf-8")):
            return url[1]
        time.sleep(0.2)
    pytest.fail(f"the engine does not listen:\n{log.read_text('utf-8')}")


def run(repository: Repository, mode: str, api_base: str, *overrides: str) -> subprocess.CompletedProcess[str]:
    """Run the DAG with short answers until not every candidate of the last 80 requests is accepted."""
    return repository.seedling(
        "run",
        "llm=vllm",
        *(f"{group}={mode}" for group in ("prompts", *MODEL_STAGES)),
        "llm.model=hosted_vllm/tiny",
        f"llm.mode={mode}",
        "generate.num_instructions=1000",
        "generate.min_acceptance=1",
        "generate.acceptance_requests=80",
        "generate.max_tokens=24",
        "classify.temperature=1",
        "classify.max_tokens=3",
        "instantiate.temperature=1",
        "instantiate.max_tokens_per_instance=16",
        f"runtime.api_base={api_base}",
        *overrides,
    )


class Grown(NamedTuple):
    """A read-only repository whose DAG ran with the engine, and the messages of the run."""

    repository: Repository
    said: str


@pytest.fixture(scope="module", params=MODES)
def grown(
    request: pytest.FixtureRequest, finished: Repository, tmp_path_factory: pytest.TempPathFactory, api_base: str
) -> Grown:
    repository = finished.copy(tmp_path_factory.mktemp("grown") / "repository")
    done = run(repository, request.param, api_base)
    # random words may hold no instance at all
    assert done.returncode == 0 or "filter: kept nothing: " in done.stderr, done.stderr
    return Grown(repository, done.stderr)


def test_random_text_stops_the_run_and_later_stages_get_what_was_accepted(grown: Grown) -> None:
    assert re.search(r"^generate: stopped at [1-9]\d* of 1,000: fewer than 100% of the", grown.said, re.MULTILINE)
    assert "Traceback" not in grown.said
    metrics = [json.loads(grown.repository.read(f"reports/metrics/{name}.json")) for name in MODEL_STAGES]
    assert all(counts["in"] == counts["out"] + counts["rejected"] > 0 for counts in metrics)
    assert [counts["in"] for counts in metrics[1:]] == [counts["out"] for counts in metrics[:-1]]


def test_every_answer_keeps_its_token_limit_and_says_whether_it_reached_it(grown: Grown) -> None:
    """The number of answers varies, since the engine samples differently in every run."""
    ends = set()
    for name, limit in (("generate", 24), ("classify", 3)):
        answers = grown.repository.rows(f"data/answers/{name}.jsonl")
        assert all(0 < answer["completion_tokens"] <= limit for answer in answers)
        ends |= {(answer["finish_reason"], answer["completion_tokens"] == limit) for answer in answers}
    assert ends == {("length", True), ("stop", False)}


def test_a_run_replays_without_the_engine(grown: Grown, tmp_path: Path) -> None:
    repository = grown.repository.copy(tmp_path / "repository")
    for name in MODEL_STAGES:
        done = repository.stage(name, **{RUNTIME_VARIABLE: json.dumps({"api_base": NOBODY, "attempts": 1})})
        assert done.returncode == 0, done.stderr
    assert repository.data() == grown.repository.data()


@pytest.mark.parametrize("mode", MODES)
def test_a_run_that_accepts_nothing_ends_with_a_one_line_error_and_so_does_its_replay(
    repository: Repository, mode: str, api_base: str
) -> None:
    done = run(repository, mode, api_base, "generate.min_words=100")
    again = run(repository, mode, NOBODY, "generate.min_words=100", "runtime.attempts=1")
    assert (done.returncode, again.returncode) == (1, 1), done.stderr + again.stderr
    assert "Traceback" not in done.stderr + again.stderr
    said, said_again = (re.findall("^generate: .*", process.stderr, re.MULTILINE)[-4:] for process in (done, again))
    assert said[0].startswith("generate: stopped at 0 of 1,000: ")
    assert said[1].startswith("generate: kept nothing: ")
    assert said_again == said


def to_engine(mode: str, api_base: str, folder: Path, model: str = "tiny", **decoding: object) -> Config:
    """Return the config of a stage that uses the engine with temperature 0 and a seed."""
    llm = {"model": f"hosted_vllm/{model}", "mode": mode, "send_seed": True}
    reach = {"api_base": api_base, "answers_dir": str(folder), "concurrency": 16, "attempts": 1}
    return configure(llm, {"temperature": 0.0, **decoding}, reach)


@pytest.mark.parametrize("mode", MODES)
def test_greedy_answers_are_the_same_with_a_second_store(mode: str, api_base: str, tmp_path: Path) -> None:
    first, again = (ask(to_engine(mode, api_base, tmp_path / name), *PROMPTS) for name in ("first", "again"))
    assert again == first
    assert len({answer.text for answer in first}) > 3
    role = "user: " if mode == "chat" else ""  # written by the model's chat template
    assert [answer.prompt_tokens for answer in first] == [len(tokenizer().encode(role + text)) for text in PROMPTS]
    assert [answer.completion_tokens - (answer.finish_reason == "stop") for answer in first] == [
        len(WRITTEN.findall(answer.text)) for answer in first
    ]


@pytest.mark.parametrize("mode", MODES)
def test_a_stop_sequence_ends_generation_and_is_left_out_of_the_answer(
    mode: str, api_base: str, tmp_path: Path
) -> None:
    [whole] = ask(to_engine(mode, api_base, tmp_path), PROMPTS[0])
    stop = WRITTEN.findall(whole.text)[1]
    [answer] = ask(to_engine(mode, api_base, tmp_path, stop=[stop]), PROMPTS[0])
    assert (answer.text, answer.finish_reason) == (whole.text.split(stop)[0], "stop")
    assert answer.completion_tokens < whole.completion_tokens


@pytest.mark.parametrize("mode", MODES)
def test_every_decoding_parameter_is_accepted(mode: str, api_base: str, tmp_path: Path) -> None:
    config = to_engine(
        mode, api_base, tmp_path, top_p=0.5, frequency_penalty=0.5, presence_penalty=2.0, stop=["\n\n", "16."]
    )
    [answer] = ask(config, PROMPTS[0])
    assert answer.dropped_parameters == []
    assert answer.completion_tokens > 0


@pytest.mark.parametrize("mode", MODES)
def test_an_error_quotes_the_words_of_the_engine(mode: str, api_base: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^hosted_vllm/other: refused the request: .*pinned to 'tiny'"):
        ask(to_engine(mode, api_base, tmp_path, model="other"), PROMPTS[0])
