"""The encoder as LangChain sees it; imports langchain_core, so import this module only where LangChain is used."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings

from study_bot.index.embedding import Encoder


class LangChainEmbeddings(Embeddings):
    """An `Encoder` offered as LangChain `Embeddings`, with the right prompt for questions and for passages."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of passages, in their order."""
        return [[float(value) for value in row] for row in self.encoder.encode_passages(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Vector of one question."""
        return [float(value) for value in self.encoder.encode_queries([text])[0]]
