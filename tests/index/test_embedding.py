"""Encoders: shapes, prompts, fingerprints, threads, damage, and a remote endpoint served on loopback."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.errors import ModelError
from study_bot.index.embedding import OpenAIEncoder, SentenceTransformerEncoder, find_model_folder, open_encoder
from study_bot.index.embedding_prompts import Prompts, choose_prompts
from study_bot.index.vectors import length_batches, unit_rows
from study_bot.settings import Settings
from tests.index.model_samples import save_static_model

Open = Callable[..., SentenceTransformerEncoder]
TEXTS = ["值班人员登记", "罚款", "", "检查门窗水电钥匙" * 40, "拘留", "规定", "x"]


class TestVectors:
    def test_rows_have_length_one_and_zero_stays_zero(self) -> None:
        rows = unit_rows([[3.0, 4.0], [0.0, 0.0]], 2)
        assert rows.dtype == np.float32
        assert rows.flags.c_contiguous
        np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0]])

    def test_nothing_gives_no_rows(self) -> None:
        assert unit_rows([], 7).shape == (0, 7)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_invalid_numbers_are_refused(self, value: float) -> None:
        with pytest.raises(ModelError, match="无效数值"):
            unit_rows([[1.0, value]], 2)

    def test_another_width_is_refused(self) -> None:
        with pytest.raises(ModelError, match="3 维向量，应为 2 维"):
            unit_rows([[1.0, 2.0, 3.0]], 2)

    @given(st.lists(st.integers(0, 500)), st.integers(1, 2000))
    def test_batches_hold_every_text_once_within_the_budget(self, lengths: list[int], budget: int) -> None:
        batches = list(length_batches(lengths, budget))
        assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
        for batch in batches:
            assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= budget
        longest = [max(lengths[i] for i in batch) for batch in batches]
        assert longest == sorted(longest, reverse=True)


class TestPrompts:
    @pytest.mark.parametrize(
        ("name", "query", "passage"),
        [
            ("BAAI/bge-small-zh-v1.5", "为这个句子生成表示以用于检索相关文章：", ""),
            ("/models/bge_large_zh", "为这个句子生成表示以用于检索相关文章：", ""),
            ("BAAI/bge-large-zh-noinstruct", "", ""),
            ("BAAI/bge-m3", "", ""),
            ("intfloat/multilingual-e5-base", "query: ", "passage: "),
            ("e5-small", "query: ", "passage: "),
            ("moka-ai/m3e-base", "", ""),
            ("some/unknown-model", "", ""),
        ],
    )
    def test_families(self, name: str, query: str, passage: str) -> None:
        assert choose_prompts(name, {}) == Prompts(query, passage)

    def test_an_instructed_e5_wants_no_passage_prompt(self) -> None:
        prompts = choose_prompts("intfloat/multilingual-e5-large-instruct", {})
        assert prompts.query.startswith("Instruct: ")
        assert prompts.query.endswith("\nQuery: ")
        assert not prompts.passage

    def test_the_folders_own_prompts_win_over_the_family(self) -> None:
        assert choose_prompts("multilingual-e5-small", {"query": "Q ", "corpus": "P "}) == Prompts("Q ", "P ")
        assert choose_prompts("multilingual-e5-small", {"query": "", "document": None}) == Prompts(
            "query: ", "passage: "
        )

    def test_settings_win_over_everything(self) -> None:
        assert choose_prompts("e5-small", {"query": "Q "}, query="", passage="文：") == Prompts("", "文：")


class TestLocalModel:
    def test_vectors(self, static_model: Path, open_model: Open) -> None:
        """Order kept, float32 unit rows, any mixture of lengths; a text of nothing the model knows does no harm."""
        encoder = open_model(static_model)
        vectors = encoder.encode_passages(TEXTS)
        assert vectors.shape == (len(TEXTS), encoder.dimension) == (len(TEXTS), 32)
        assert vectors.dtype == np.float32
        assert vectors.flags.c_contiguous
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
        for text, vector in zip(TEXTS, vectors, strict=True):
            np.testing.assert_allclose(encoder.encode_passages([text])[0], vector, atol=1e-6)

    def test_nothing_to_encode(self, static_model: Path, open_model: Open) -> None:
        encoder = open_model(static_model)
        assert encoder.encode_queries([]).shape == (0, 32)
        assert encoder.encode_passages([]).shape == (0, 32)

    def test_prompts_are_put_in_front(self, static_model: Path, open_model: Open) -> None:
        """The folder's prompts, or those of the settings, an empty one included."""
        plain = open_model(static_model, query_prompt="", passage_prompt="")
        own = open_model(static_model)
        np.testing.assert_allclose(own.encode_queries(["罚款"]), plain.encode_queries(["查询：罚款"]), atol=1e-6)
        np.testing.assert_allclose(own.encode_passages(["罚款"]), plain.encode_queries(["段落：罚款"]), atol=1e-6)
        assert not np.allclose(own.encode_queries(["罚款"]), own.encode_passages(["罚款"]), atol=1e-3)

    def test_progress_counts_texts(self, static_model: Path, open_model: Open) -> None:
        done: list[int] = []
        open_model(static_model, batch_size=1).encode_passages(TEXTS, done.append)
        assert done == sorted(set(done))
        assert done[-1] == len(TEXTS)

    def test_progress_may_stop_the_work(self, static_model: Path, open_model: Open) -> None:
        def stop(_done: int) -> None:
            raise KeyboardInterrupt

        encoder = open_model(static_model)
        with pytest.raises(KeyboardInterrupt):
            encoder.encode_passages(TEXTS, stop)
        assert encoder.encode_queries(["罚款"]).shape == (1, 32)

    def test_half_surrogates_do_no_harm(self, static_model: Path, open_model: Open) -> None:
        assert np.isfinite(open_model(static_model).encode_queries(["罚款\ud83d"])).all()

    def test_many_questions_in_one_call(self, static_model: Path, open_model: Open) -> None:
        encoder = open_model(static_model, batch_size=1)
        texts = TEXTS * 20
        np.testing.assert_allclose(
            encoder.encode_queries(texts), np.tile(encoder.encode_queries(TEXTS), (20, 1)), atol=1e-6
        )

    def test_threads_get_their_own_vectors(self, static_model: Path, open_model: Open) -> None:
        encoder = open_model(static_model)
        questions = [["罚款", "拘留"], ["登记"], ["规定", "值班", "钥匙"]] * 20
        expected = [encoder.encode_queries(texts) for texts in questions]
        with ThreadPoolExecutor(8) as pool:
            for vectors, wanted in zip(pool.map(encoder.encode_queries, questions), expected, strict=True):
                np.testing.assert_allclose(vectors, wanted, atol=1e-6)

    def test_waiting_questions_are_joined_and_do_not_wait_for_all_passages(
        self, static_model: Path, open_model: Open
    ) -> None:
        """While passages are encoded step by step, questions of several threads share the next run of the model."""
        encoder = open_model(static_model, batch_size=1)
        encoder.warm_up()
        runs: list[tuple[str, int]] = []
        in_first_step, go_on = threading.Event(), threading.Event()
        run = encoder._run

        def watched(texts: list[str], prompt: str) -> np.ndarray:
            runs.append((prompt, len(texts)))
            in_first_step.set()
            go_on.wait(10)
            return run(texts, prompt)

        encoder._run = watched  # type: ignore[method-assign]
        long_texts = ["检查门窗水电钥匙" * 20] * 6
        with ThreadPoolExecutor(8) as pool:
            passages = pool.submit(encoder.encode_passages, long_texts)
            assert in_first_step.wait(10)
            questions = [pool.submit(encoder.encode_queries, ["罚款"]) for _ in range(5)]
            while encoder._joining is None or len(encoder._joining.texts) < 5:
                time.sleep(0.001)
            go_on.set()
            assert passages.result().shape == (6, 32)
            assert all(question.result().shape == (1, 32) for question in questions)
        assert runs[0] == ("段落：", 1)
        assert runs.index(("查询：", 5)) in (1, 2)
        assert sum(count for prompt, count in runs if prompt == "查询：") == 5

    def test_langchain_sees_the_same_vectors(self, static_model: Path, open_model: Open) -> None:
        from study_bot.index.langchain_adapters import LangChainEmbeddings

        encoder = open_model(static_model)
        adapter = LangChainEmbeddings(encoder)
        assert adapter.embed_query("罚款") == pytest.approx(encoder.encode_queries(["罚款"])[0].tolist())
        assert adapter.embed_documents(["罚款", "拘留"])[1] == pytest.approx(
            encoder.encode_passages(["拘留"])[0].tolist()
        )
        assert type(adapter.embed_query("罚款")[0]) is float


class TestFingerprint:
    def test_it_belongs_to_the_contents_not_to_the_place(
        self, static_model: Path, tmp_path: Path, open_model: Open
    ) -> None:
        copy = shutil.copytree(static_model, tmp_path / "copy")
        (copy / "README.md").write_text("notes")
        assert open_model(copy).fingerprint == open_model(static_model).fingerprint

    def test_it_changes_with_weights_prompts_and_configuration(
        self, static_model: Path, tmp_path: Path, open_model: Open
    ) -> None:
        seen = {open_model(static_model).fingerprint, open_model(static_model, query_prompt="").fingerprint}
        for number, (name, change) in enumerate(
            [("model.safetensors", lambda b: b[:-1] + bytes([b[-1] ^ 1])), ("modules.json", lambda b: b + b"\n")]
        ):
            copy = shutil.copytree(static_model, tmp_path / str(number))
            (copy / name).write_bytes(change((copy / name).read_bytes()))
            seen.add(open_model(copy).fingerprint)
        assert len(seen) == 4

    def test_large_files_are_sampled(self, static_model: Path, tmp_path: Path, open_model: Open) -> None:
        copy = shutil.copytree(static_model, tmp_path / "copy")
        weights = np.random.default_rng(0).integers(0, 255, 9_000_000, np.uint8)
        (copy / "more.bin").write_bytes(weights.tobytes())
        before = open_model(copy).fingerprint
        assert open_model(copy).fingerprint == before
        (copy / "more.bin").write_bytes((weights ^ 1).tobytes())
        assert open_model(copy).fingerprint != before


class TestOpening:
    def test_a_folder(self, static_model: Path) -> None:
        encoder = open_encoder(Settings(embedding_model=str(static_model), embedding_query_prompt="问："))
        assert isinstance(encoder, SentenceTransformerEncoder)
        assert encoder.prompts == Prompts("问：", "段落：")
        encoder.close()

    @pytest.mark.parametrize("name", ["/no/such/folder", "./missing", "~/missing", "a/b/c"])
    def test_a_missing_folder_is_named(self, name: str) -> None:
        with pytest.raises(ModelError, match=r"找不到模型文件夹 .*embedding_model"):
            open_encoder(Settings(embedding_model=name))

    def test_a_folder_that_is_no_model(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"modules\.json"):
            open_encoder(Settings(embedding_model=str(tmp_path)))

    @pytest.mark.parametrize("damage", ["cut weights", "broken tokenizer", "foreign code"])
    def test_a_damaged_folder_is_named_at_the_first_use(
        self, static_model: Path, tmp_path: Path, damage: str, open_model: Open
    ) -> None:
        """Code that a folder brings along is never run."""
        folder = shutil.copytree(static_model, tmp_path / "模型")
        if damage == "cut weights":
            weights = folder / "model.safetensors"
            weights.write_bytes(weights.read_bytes()[:100])
        elif damage == "broken tokenizer":
            (folder / "tokenizer.json").write_text('{"model": ')
        else:
            modules = json.loads((folder / "modules.json").read_text())
            modules[0]["type"] = "evil.Module"
            (folder / "modules.json").write_text(json.dumps(modules))
            (folder / "evil.py").write_text("raise SystemExit('ran')")
        encoder = open_model(folder)
        with pytest.raises(ModelError, match=r"模型文件夹 .*模型 无法读取.*重新拷贝"):
            encoder.encode_queries(["罚款"])

    def test_a_hub_name_is_served_from_the_local_cache(
        self, static_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without asking the hub; one never downloaded is refused with advice."""
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        repository = tmp_path / "models--some--bge-small-zh-v1.5"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text("abc")
        save_static_model(repository / "snapshots" / "abc")
        encoder = open_encoder(Settings(embedding_model="some/bge-small-zh-v1.5"))
        assert isinstance(encoder, SentenceTransformerEncoder)
        assert encoder.prompts.query == "为这个句子生成表示以用于检索相关文章："
        encoder.close()
        with pytest.raises(ModelError, match=r"本机没有模型 some/other.*HF_HUB_OFFLINE.*offline"):
            find_model_folder("some/other")

    def test_a_download_that_fails_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        with pytest.raises(ModelError, match=r"下载也未成功.*embedding_model"):
            find_model_folder("some/other")


@dataclass
class FakeEndpoint:
    """An embeddings server: a text's vector is (its length, number of 罚, 1). Records what it was asked."""

    url: str = ""
    requests: list[dict] = field(default_factory=list)
    headers: list[str | None] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)  # statuses given before it works
    limit: int = 10_000  # longest text it takes
    most: int = 1000  # texts of one request it takes
    body: bytes | None = None  # sent instead of vectors
    delay: float = 0.0  # seconds before it answers

    def answer(self, request: dict) -> tuple[int, bytes]:
        time.sleep(self.delay)
        texts: Sequence[str] = request["input"]
        if self.failures:
            return self.failures.pop(0), b"busy"
        if len(texts) > self.most or any(len(text) > self.limit for text in texts):
            return 413, b'{"error": "too long"}'
        rows = [{"index": i, "embedding": [len(t), t.count("罚"), 1]} for i, t in enumerate(texts)]
        return 200, self.body or json.dumps({"data": rows[::-1]}).encode()


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    fake = FakeEndpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fake.requests.append(request)
            fake.headers.append(self.headers["Authorization"])
            status, body = fake.answer(request) if self.path == "/v1/embeddings" else (404, b"no such page")
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def connect(endpoint: FakeEndpoint) -> Iterator[Callable[..., OpenAIEncoder]]:
    opened: list[OpenAIEncoder] = []

    def connect(**options: object) -> OpenAIEncoder:
        opened.append(OpenAIEncoder(endpoint.url, **{"model": "m3e", "first_wait": 0.001, **options}))  # type: ignore[arg-type]
        return opened[-1]

    yield connect
    for encoder in opened:
        encoder.close()


class TestRemoteModel:
    def test_vectors_in_order_whatever_the_order_of_the_answer(
        self, endpoint: FakeEndpoint, connect: Callable[..., OpenAIEncoder]
    ) -> None:
        encoder = connect(batch_size=2, api_key="secret")
        done: list[int] = []
        vectors = encoder.encode_passages(["罚罚", "登记人员", "罚", "x", "规定"], done.append)
        raw = np.array([[2, 2, 1], [4, 0, 1], [1, 1, 1], [1, 0, 1], [2, 0, 1]], np.float32)
        np.testing.assert_allclose(vectors, raw / np.linalg.norm(raw, axis=1, keepdims=True), rtol=1e-6)
        assert vectors.dtype == np.float32
        assert done == [2, 4, 5]
        assert {request["model"] for request in endpoint.requests} == {"m3e"}
        assert set(endpoint.headers) == {"Bearer secret"}

    def test_opened_from_settings_without_asking_anything(self, endpoint: FakeEndpoint) -> None:
        settings = Settings(
            embedding_model=endpoint.url + "/", embedding_model_name="bge-large-zh", embedding_api_key="k"
        )
        encoder = open_encoder(settings)
        assert isinstance(encoder, OpenAIEncoder)
        assert len(encoder.fingerprint) == 16
        assert not endpoint.requests
        assert encoder.encode_queries([]).shape == (0, 3) == (0, encoder.dimension)
        encoder.encode_queries(["罚款"])
        assert endpoint.requests[-1]["input"] == ["为这个句子生成表示以用于检索相关文章：罚款"]
        encoder.close()

    def test_a_server_that_does_not_number_its_vectors(
        self, endpoint: FakeEndpoint, connect: Callable[..., OpenAIEncoder]
    ) -> None:
        encoder = connect()
        encoder.warm_up()
        endpoint.body = b'{"data": [{"embedding": [1, 0, 0]}, {"embedding": [0, 2, 0]}]}'
        assert encoder.encode_queries(["罚款", "x"]).tolist() == [[1, 0, 0], [0, 1, 0]]

    def test_fingerprint_names_endpoint_model_and_prompts(self, connect: Callable[..., OpenAIEncoder]) -> None:
        marks = [connect(), connect(), connect(model="other"), connect(query_prompt="q"), connect(api_key="k")]
        assert [mark.fingerprint == marks[0].fingerprint for mark in marks] == [True, True, False, False, True]

    def test_busy_server_is_asked_again(self, endpoint: FakeEndpoint, connect: Callable[..., OpenAIEncoder]) -> None:
        encoder = connect()
        endpoint.failures = [503]
        assert encoder.encode_queries(["罚"]).shape == (1, 3)
        endpoint.failures = [503, 429, 500]
        assert encoder.encode_passages(["罚"]).shape == (1, 3)

    def test_a_server_that_stays_down(self, endpoint: FakeEndpoint, connect: Callable[..., OpenAIEncoder]) -> None:
        """People who wait for an answer learn it sooner than a build does."""
        encoder = connect()
        encoder.warm_up()
        endpoint.failures = [503] * 6
        with pytest.raises(ModelError, match="连续 2 次没有应答（HTTP 503）"):
            encoder.encode_queries(["罚"])
        with pytest.raises(ModelError, match="连续 4 次没有应答（HTTP 503）"):
            encoder.encode_passages(["罚"])
        assert not endpoint.failures

    def test_a_server_that_hangs(self, endpoint: FakeEndpoint, connect: Callable[..., OpenAIEncoder]) -> None:
        endpoint.delay = 0.5
        with pytest.raises(ModelError, match="没有应答"):
            connect(question_timeout=0.05).warm_up()

    def test_nobody_listening(self) -> None:
        encoder = OpenAIEncoder("http://127.0.0.1:9/v1", model="m", attempts=2, first_wait=0.001)
        with pytest.raises(ModelError, match=r"http://127\.0\.0\.1:9/v1 连续 2 次没有应答"):
            encoder.warm_up()
        encoder.close()

    def test_long_texts_are_shortened_until_they_fit(
        self, endpoint: FakeEndpoint, connect: Callable[..., OpenAIEncoder]
    ) -> None:
        endpoint.limit, endpoint.most = 100, 2
        vectors = connect().encode_passages(["罚" * 500, "登记", "罚" * 99, "规定"])
        assert vectors.shape == (4, 3)
        assert (vectors[0][:2] > 0.7).all()
        np.testing.assert_allclose(vectors[1], vectors[3])

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_wrong_key(self, endpoint: FakeEndpoint, connect: Callable[..., OpenAIEncoder], status: int) -> None:
        endpoint.failures = [status]
        with pytest.raises(ModelError, match="embedding_api_key"):
            connect().warm_up()

    @pytest.mark.parametrize("status", [400, 404])
    def test_a_wrong_name(self, endpoint: FakeEndpoint, connect: Callable[..., OpenAIEncoder], status: int) -> None:
        endpoint.failures = [status] * 9
        with pytest.raises(ModelError, match=f"HTTP {status}：busy.*embedding_model_name"):
            connect().warm_up()
        assert len(endpoint.requests) == 1

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>",
            b"[]",
            b'{"data": []}',
            b'{"data": [{"index": 0}]}',
            b'{"data": [{"index": 0, "embedding": "AAA"}]}',
        ],
    )
    def test_an_answer_that_is_none(
        self, endpoint: FakeEndpoint, connect: Callable[..., OpenAIEncoder], body: bytes
    ) -> None:
        endpoint.body = body
        with pytest.raises(ModelError, match="不是所要的向量"):
            connect().warm_up()
