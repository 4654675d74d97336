"""Laws of the whole DAG: no record lost, no answer paid twice, the same bytes in every run."""

import hashlib
import json
import random
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from stages.contract.params import RUNTIME_VARIABLE
from tests.llm_server import Call, LlmServer, Reaction, answer, answering
from tests.records import NOTICE
from tests.repository import SHARED, Repository, stages_run

MODEL_STAGES = ("generate", "classify", "instantiate")
STAGES = (*MODEL_STAGES, "filter", "analyze", "export")
OUTPUTS = {
    "generate": "data/instructions.jsonl",
    "classify": "data/classified.jsonl",
    "instantiate": "data/tasks.jsonl",
    "filter": "data/instances.jsonl",
}


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_keeps_or_rejects_every_record_it_receives(finished: Repository, name: str) -> None:
    metrics = json.loads(finished.read(f"reports/metrics/{name}.json"))
    read = ["readable", "few_kept", "reasons"] if name in OUTPUTS else []
    assert list(metrics) == ["in", "out", "rejected", "requests", "cost_usd", *read]
    if read:
        assert sum(metrics["reasons"].values()) == metrics["rejected"]
    assert metrics["in"] == metrics["out"] + metrics["rejected"]
    rejected = [row for row in finished.read(f"data/rejected/{name}.jsonl").splitlines() if row]
    assert len(rejected) == metrics["rejected"]
    if name in OUTPUTS:
        assert len(finished.rows(OUTPUTS[name])) == metrics["out"]


def test_each_stage_receives_what_the_previous_one_kept(finished: Repository) -> None:
    counts = {name: json.loads(finished.read(f"reports/metrics/{name}.json")) for name in STAGES}
    assert counts["generate"]["out"] == counts["classify"]["in"] == 12
    assert counts["classify"]["out"] == counts["instantiate"]["in"]
    assert counts["filter"]["out"] == counts["analyze"]["in"] == counts["export"]["in"]


def test_the_transcript_holds_every_committed_answer(finished: Repository) -> None:
    keys = {name: [row["key"] for row in finished.rows(f"data/answers/{name}.jsonl")] for name in MODEL_STAGES}
    for name, path, field in (
        ("generate", "data/instructions.jsonl", "instruction_answer"),
        ("classify", "data/classified.jsonl", "classification_answer"),
        ("instantiate", "data/tasks.jsonl", "instances_answer"),
    ):
        assert {row[field] for row in finished.rows(path)} <= set(keys[name])
        assert len(set(keys[name])) == len(keys[name])


def test_the_exports_hold_exactly_the_instances(finished: Repository) -> None:
    instances = finished.rows("data/instances.jsonl")
    alpaca = [
        row
        for split in ("train", "validation")
        for row in json.loads(finished.read(f"data/export/alpaca/{split}.json"))
    ]
    chat = [row for split in ("train", "validation") for row in finished.rows(f"data/export/chat/{split}.jsonl")]
    wanted = Counter((row["instruction"], row["input"], row["output"]) for row in instances)
    assert Counter((row["instruction"], row["input"], row["output"]) for row in alpaca) == wanted
    assert Counter(row["messages"][1]["content"] for row in chat) == Counter(row["output"] for row in instances)
    assert {tuple(turn["role"] for turn in row["messages"]) for row in chat} == {("user", "assistant")}


def test_the_manifest_holds_the_hash_of_each_file_and_the_notice_about_demonstration_data(finished: Repository) -> None:
    manifest = json.loads(finished.read("data/export/manifest.json"))
    for name, entry in manifest["files"].items():
        content = (finished.root / "data/export" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    assert manifest["models"] == ["offline/book"]
    assert NOTICE in manifest["notice"]
    assert NOTICE in finished.read("data/export/README.md")
    assert NOTICE in finished.read("data/report.html")


def run_model_stages(repository: Repository, store: Path, concurrency: int, hash_seed: int) -> dict[str, bytes]:
    """Run the model stages with a store and return all bytes they produced."""
    runtime = json.dumps({"concurrency": concurrency, "answers_dir": str(store)})
    for name in MODEL_STAGES:
        done = repository.stage(name, PYTHONHASHSEED=str(hash_seed), **{RUNTIME_VARIABLE: runtime})
        assert done.returncode == 0, done.stderr
    return repository.data()


@pytest.mark.parametrize(
    ("concurrency", "hash_seed"),
    [
        (32, 1),
        *(pytest.param(c, h, marks=pytest.mark.slow) for c in (1, 8, 32) for h in (0, 1, 4242) if (c, h) != (32, 1)),
    ],
)
def test_concurrency_and_hash_seed_change_no_byte(
    repository: Repository, tmp_path: Path, concurrency: int, hash_seed: int
) -> None:
    before = repository.data()
    assert run_model_stages(repository, tmp_path / "store", concurrency, hash_seed) == before


@pytest.mark.slow
def test_a_rerun_from_the_store_imports_no_litellm_and_changes_no_byte(repository: Repository) -> None:
    before = repository.data()
    for name in MODEL_STAGES:
        done = repository.run("python", "-X", "importtime", "-m", f"stages.{name}")
        assert done.returncode == 0
        assert "stages.llm.client" in done.stderr
        assert "litellm" not in done.stderr
    assert repository.data() == before


@pytest.mark.slow
def test_most_prompts_of_the_default_run_show_two_machine_written_instructions(repository: Repository) -> None:
    repository.choose("generate.num_instructions=200")
    assert repository.stage("generate").returncode == 0
    records = [
        *repository.rows("data/instructions.jsonl"),
        *(row["record"] for row in repository.rows("data/rejected/generate.jsonl")),
    ]
    shown = {row["request_idx"]: row["prompted_by"] for row in records}
    assert len(shown) == len(repository.rows("data/answers/generate.jsonl"))
    assert all(len(ids) == 8 for ids in shown.values())
    with_two = [ids for ids in shown.values() if sum(name.startswith("ins-") for name in ids) == 2]
    assert len(with_two) >= 0.8 * len(shown)


def test_raising_the_target_sends_only_new_requests(repository: Repository) -> None:
    answers = repository.rows("data/answers/generate.jsonl")
    repository.choose("generate.num_instructions=24")
    assert repository.stage("generate").returncode == 0
    assert repository.rows("data/answers/generate.jsonl")[: len(answers)] == answers
    assert len(repository.rows("data/instructions.jsonl")) == 24


@pytest.mark.parametrize(
    ("edited", "users"),
    [
        pytest.param("stages/llm/client.py", [], marks=pytest.mark.slow),
        pytest.param("stages/contract/sections/export.py", ["check", "export"], marks=pytest.mark.slow),
        pytest.param("stages/text/marks.py", ["generate", "classify", "filter"], marks=pytest.mark.slow),
        pytest.param("stages/text/instances.py", ["filter"], marks=pytest.mark.slow),
        pytest.param("stages/text/prompts.py", ["generate", "classify", "instantiate"], marks=pytest.mark.slow),
        pytest.param("prompts/chat/classify.j2", ["classify"], marks=pytest.mark.slow),
        pytest.param("stages/export.py", ["export"], marks=pytest.mark.slow),
        pytest.param("stages/page/report.html.j2", ["analyze"], marks=pytest.mark.slow),
    ],
)
def test_an_edit_reruns_exactly_the_stages_that_use_the_file(
    repository: Repository, edited: str, users: list[str]
) -> None:
    comment = "{# an edit #}" if edited.endswith(".j2") else "# an edit"
    repository.write(edited, f"{comment}\n{repository.read(edited)}")
    done = repository.seedling("run")
    assert done.returncode == 0, done.stderr
    assert stages_run(done) == users


def run_with_seeds(repository: Repository, seeds: Path) -> None:
    done = repository.seedling("run", f"seeds.path={seeds}")
    assert done.returncode == 0, done.stderr
    assert stages_run(done) == ["check", *STAGES]
    kept = [row for row in repository.rows("data/instances.jsonl") if row["source"] == "seed"]
    assert {row["instruction_id"] for row in kept} == {
        json.loads(line)["id"] for line in seeds.read_text("utf-8").splitlines()
    }
    assert len(repository.rows("data/instructions.jsonl")) == 12


@pytest.mark.slow
def test_three_seeds_run_through_the_whole_dag(repository: Repository, tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text("".join(repository.read("seeds/seed_tasks.jsonl").splitlines(keepends=True)[:3]), "utf-8")
    run_with_seeds(repository, seeds)


@pytest.mark.slow
def test_the_published_seeds_run_through_the_whole_dag(repository: Repository) -> None:
    published = SHARED / "data" / "upstream_seed_tasks.jsonl"
    if not published.exists():
        pytest.skip("the published seed tasks are not beside this repository")
    run_with_seeds(repository, published)


CITIES = ["北京", "上海", "广州", "成都", "西安", "南京", "杭州", "武汉", "重庆", "天津", "苏州", "长沙"]
THINGS = ["博物馆", "公园", "市场", "图书馆", "火车站", "小吃", "古塔", "湖泊", "茶馆", "桥梁", "书店", "剧院"]
FORMS = [
    "请为第一次来{}的游客写一段关于{}的介绍，不超过八十个字",
    "比较{}的两家{}，并用一句话说明你更推荐哪一家",
    "列出参观{}{}时应当注意的五件事情",
    "判断下面这句关于{}{}的评论是正面还是负面",
    "假如你在{}迷路了，怎样用英语询问去{}的方向？",
    "把{}{}的开放时间整理成表格",
    "为什么{}的{}冬天比夏天安静？给出三个理由",
    "给住在{}的朋友发一条短信，约他周末去{}",
    "用小学生能听懂的话解释{}{}的来历",
    "替{}一家{}起十个名字",
    "续写这个故事：他推开{}{}的门，里面空无一人",
    "计算从{}出发到{}来回一共要花多少钱",
    "找出这篇{}{}报道中的错别字并改正",
    "以{}为背景设计一个发生在{}的谜题",
    "总结下面关于{}{}的讨论，只写要点",
    "按照步骤说明如何在{}的{}组织一次读书会",
]


def speak_chinese(call: Call) -> Reaction:
    """Answer every prompt of the pipeline in Chinese."""
    if "<output>" in call.prompt:
        text = "<input></input>\n<output>这里的景色很美，值得慢慢欣赏。</output>"
    elif "<label>" in call.prompt:
        text = "<label>no</label>"
    else:
        draw = random.Random(call.prompt)  # noqa: S311
        tasks = [draw.choice(FORMS).format(draw.choice(CITIES), draw.choice(THINGS)) for _ in range(10)]
        text = "".join(f"<task>{task}</task>" for task in tasks)
    return answering(text=text)(call)


@pytest.mark.slow
def test_a_dataset_in_another_language_reaches_its_target(
    repository: Repository, llm_server: LlmServer, tmp_path: Path
) -> None:
    seeds = [
        {
            "id": f"种子{n}",
            "instruction": text,
            "instances": [{"input": "", "output": "好"}],
            "is_classification": False,
        }
        for n, text in enumerate(["写一首关于春天的诗", "解释什么是光合作用", "把下面的句子翻译成英文"])
    ]
    (tmp_path / "seeds.jsonl").write_text("\n".join(json.dumps(seed, ensure_ascii=False) for seed in seeds), "utf-8")
    llm_server.behaviour = speak_chinese
    done = repository.seedling(
        "run",
        "llm=vllm",
        f"seeds.path={tmp_path}/seeds.jsonl",
        "generate.tokenizer=unicode",
        f"runtime.api_base={llm_server.api_base}",
    )
    assert done.returncode == 0, done.stderr
    instructions = repository.rows("data/instructions.jsonl")
    assert len(instructions) == 12
    assert all(0 < row["avg_similarity_score"] < 0.7 for row in instructions)
    assert "too_similar" in {row["reason"] for row in repository.rows("data/rejected/generate.jsonl")}
    assert "这里的景色很美" in repository.read("data/export/alpaca/train.json")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("params.yaml", "classify.max_tokens"),
        ("prompts/chat/classify.j2", "prompts/chat/classify.j2"),
        ("stages/text/verdicts.py", "stages/text/verdicts.py"),
        ("data/instructions.jsonl", "data/instructions.jsonl"),
    ],
    ids=["config", "prompt", "code", "data"],
)
def test_a_stage_fails_if_an_input_changes_while_it_runs(
    repository: Repository, llm_server: LlmServer, path: str, named: str
) -> None:
    """The server edits the file at the first request, so the stage is certainly running."""
    repository.choose("llm@classify.llm=vllm")

    def edit_then_answer(call: Call) -> Reaction:
        if len(llm_server.calls) == 1:
            text = repository.read(path)
            repository.write(path, text.replace("max_tokens: 16", "max_tokens: 17") if "llm:" in text else f"{text}\n")
        return answer(call)

    llm_server.behaviour = edit_then_answer
    runtime = json.dumps({"api_base": llm_server.api_base, "concurrency": 1})
    done = repository.stage("classify", **{RUNTIME_VARIABLE: runtime})
    assert done.returncode == 1
    assert f"classify: {named} changed while the stage ran, so nothing was recorded; run it again" in done.stderr
    assert len(llm_server.calls) == 12


@pytest.mark.parametrize(
    ("path", "text", "stage", "line"),
    [
        (
            "seeds/seed_tasks.jsonl",
            '{"id": "x", "instruction": 3}',
            "generate",
            "seeds/seed_tasks.jsonl:1: instances, is_classification: Field required; ",
        ),
        ("seeds/seed_tasks.jsonl", "{oops", "generate", "seeds/seed_tasks.jsonl:1: the line: Invalid JSON"),
        ("seeds/seed_tasks.jsonl", "", "generate", "seeds/seed_tasks.jsonl: holds no seed task"),
        (
            "prompts/chat/classify.j2",
            "{{ instrucion }}",
            "classify",
            "prompts/chat/classify.j2: unknown variable 'instrucion'",
        ),
        ("prompts/chat/classify.j2", "a\n{% if %}", "classify", "prompts/chat/classify.j2:2: is no template"),
        ("params.yaml", "a: [", "filter", "params.yaml: is not YAML"),
    ],
    ids=["missing_field", "invalid_json", "empty_file", "unknown_variable", "template_syntax", "invalid_yaml"],
)
def test_a_broken_file_gives_a_one_line_error_with_its_location(
    repository: Repository, path: str, text: str, stage: str, line: str
) -> None:
    repository.write(path, text)
    done = repository.stage(stage)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{stage}: {line}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_an_unknown_domain_stops_the_run_before_the_first_request(repository: Repository) -> None:
    repository.choose("generate.domains=[cookin]")
    done = repository.stage("generate")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "generate: generate.domains: no seed in seeds/seed_tasks.jsonl has the domain 'cookin'"
    )
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_classification_only_uses_its_own_prompt_and_seeds(repository: Repository) -> None:
    repository.choose("generate.classification_only=true")
    repository.write("prompts/chat/generate.j2", "{% if %}")
    done = repository.stage("generate")
    assert done.returncode == 0, done.stderr
    labelled = {row["id"] for row in repository.rows("seeds/seed_tasks.jsonl") if row["is_classification"]}
    shown = {name for row in repository.rows("data/instructions.jsonl") for name in row["prompted_by"]}
    assert {name for name in shown if name.startswith("seed-")} <= labelled


@pytest.mark.slow
def test_a_stricter_threshold_of_the_filter_rejects_whole_tasks(repository: Repository) -> None:
    tasks = len(repository.rows("data/tasks.jsonl"))
    repository.choose("filter.rouge_threshold=0.2")
    done = repository.stage("filter")
    assert done.returncode == 0, done.stderr
    rejected = [
        row["record"]["id"] for row in repository.rows("data/rejected/filter.jsonl") if row["reason"] == "too_similar"
    ]
    kept = {row["instruction_id"] for row in repository.rows("data/instances.jsonl") if row["source"] == "machine"}
    assert 0 < len(rejected) < tasks
    assert not kept & set(rejected)
    metrics = json.loads(repository.read("reports/metrics/filter.json"))
    assert metrics["in"] == metrics["out"] + metrics["rejected"]


def test_compiled_code_does_not_count_as_a_changed_dependency(repository: Repository) -> None:
    repository.write("stages/store/__pycache__/locks.cpython-399.pyc", "compiled")
    show = "from stages.llm.changes import changed_since_lock; print(changed_since_lock('generate', 'dvc.yaml'))"
    assert repository.run("python", "-c", show).stdout == "[]\n"


def test_a_run_leaves_no_empty_file(finished: Repository) -> None:
    assert [path for path, content in finished.data().items() if not content] == []  # DVC would warn at every run


@pytest.mark.slow
def test_a_missing_seeds_file_gives_a_one_line_error(repository: Repository) -> None:
    done = repository.seedling("run", "seeds.path=seeds/none.jsonl", "prompts.classify=prompts/none.j2")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "seedling: seeds.path: 'seeds/none.jsonl' is not a file; correct the path",
        "seedling: prompts.classify: 'prompts/none.j2' is not a file; correct the path",
    ]
    assert repository.changed() == []
    (repository.root / "seeds/seed_tasks.jsonl").unlink()
    plain = repository.stage("check")
    assert plain.returncode == 2
    assert plain.stderr == "check: seeds.path: 'seeds/seed_tasks.jsonl' is not a file; correct the path\n"


@pytest.mark.slow
def test_a_file_named_data_gives_a_one_line_error(repository: Repository) -> None:
    repository.run("rm", "-rf", "data")
    repository.write("data", "mine")
    for name in ("generate", "filter"):
        done = repository.stage(name)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    done = repository.seedling("run")
    assert done.returncode == 2
    assert done.stderr == "seedling: data: is a file, and the stages write a folder of this name; move it away\n"
    assert repository.read("data") == "mine"


def test_a_full_disk_gives_a_one_line_error_and_loses_nothing(repository: Repository, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mount is not allowed here")
    try:
        before = repository.read("data/tasks.jsonl")
        (repository.root / "data/rejected").rename(tmp_path / "rejected")
        (repository.root / "data/rejected").symlink_to(small)
        (small / "filler").write_bytes(b"x" * 64 * 1024)
        done = repository.stage("filter")
        assert done.returncode == 1
        assert done.stderr.startswith("filter: data/rejected/filter.jsonl: cannot be written (No space left on device)")
        assert len(done.stderr.splitlines()) == 1
        assert repository.read("data/tasks.jsonl") == before
        assert [path.name for path in small.iterdir()] == ["filler"]
    finally:
        subprocess.run(["umount", str(small)], check=True)
