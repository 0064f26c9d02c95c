"""A real cross-encoder, made on the spot from random weights."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

from study_bot.errors import SettingsError
from study_bot.retrieval.query import understand
from study_bot.retrieval.rerank import RerankError, Reranking
from study_bot.retrieval.rerank_model import ModelReranker
from study_bot.retrieval.retriever import Retriever
from study_bot.settings import Settings
from study_bot.types import Filters
from tests.retrieval.samples import TODAY, HashEncoder, articles_of, snapshot, statute

TEXTS = ["值班人员登记", "食堂不得喧哗", "交接班清点装备", "值班" * 400]


def save_cross_encoder(folder: Path, labels: int = 1) -> None:
    """A BERT of one layer that knows the characters of `TEXTS`."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    characters = sorted(set("".join(TEXTS) + "谁来"))
    folder.mkdir(parents=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]
    torch.manual_seed(4)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        num_labels=labels,
        initializer_range=0.3,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizer(vocab={token: n for n, token in enumerate(vocabulary)}).save_pretrained(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "cross"
    save_cross_encoder(folder)
    return folder


def test_scores_are_those_of_the_model(folder: Path) -> None:
    from sentence_transformers import CrossEncoder

    reranker = ModelReranker(folder, threads=1)
    reranker.warm_up()
    scores = reranker.scores("谁来值班", TEXTS)
    model = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    assert scores == pytest.approx([float(model.predict([("谁来值班", text)])[0]) for text in TEXTS], abs=1e-5)
    assert len(set(scores)) == len(TEXTS)
    assert len(reranker.scores("谁\ud800", ["值\udfff"])) == 1
    reranker.close()


def test_retrieval_follows_the_model(folder: Path) -> None:
    rules = statute("值班规定")
    library = snapshot((rules, articles_of(rules, dict(enumerate(TEXTS[:3], start=1)))))
    stage = Reranking(ModelReranker(folder, threads=1), top_n=30, timeout_s=60)
    query = understand("谁来登记装备", library.articles, TODAY)
    plain = Retriever(library, HashEncoder(), Settings()).retrieve(query, Filters(), 3, today=TODAY).hits
    hits = (
        Retriever(library, HashEncoder(), Settings(), reranking=stage).retrieve(query, Filters(), 3, today=TODAY).hits
    )
    assert {hit.passage for hit in hits} == {hit.passage for hit in plain}
    scores = stage._reranker.scores("谁来登记装备", [f"值班规定 {h.passage.text[:3]}\n{h.passage.text}" for h in hits])
    assert scores == sorted(scores, reverse=True)
    stage.close()


def test_a_damaged_folder_leaves_the_learned_order(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(folder, damaged)
    (damaged / "model.safetensors").write_bytes(b"\x00" * 100)
    stage = Reranking(ModelReranker(damaged), top_n=30, timeout_s=60)
    with caplog.at_level(logging.WARNING, logger="study_bot"):
        stage.warm_up()
        assert stage.order("谁", TEXTS) is None
    assert "无法读取" in caplog.text
    stage.close()
    with pytest.raises(RerankError, match="damaged"):
        ModelReranker(damaged).warm_up()


def test_what_is_no_reranker_is_refused_at_the_start(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"没有找到.*reranker"):
        ModelReranker(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match=r"config\.json"):
        ModelReranker(tmp_path / "empty")
    for content in ("[]", "{", '"x"'):
        (tmp_path / "empty" / "config.json").write_text(content)
        with pytest.raises(SettingsError, match=r"config\.json"):
            ModelReranker(tmp_path / "empty")
    classes = json.loads((folder / "config.json").read_text()) | {"id2label": {"0": "a", "1": "b", "2": "c"}}
    (tmp_path / "empty" / "config.json").write_text(json.dumps(classes))
    with pytest.raises(SettingsError, match="3 个类别"):
        ModelReranker(tmp_path / "empty")
    shutil.copytree(folder, tmp_path / "encoder")
    (tmp_path / "encoder" / "modules.json").write_text('[{"type": "sentence_transformers.models.Pooling"}]')
    with pytest.raises(SettingsError, match="是向量模型"):
        ModelReranker(tmp_path / "encoder")
