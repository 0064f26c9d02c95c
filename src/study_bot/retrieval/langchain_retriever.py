"""The retriever as a LangChain `BaseRetriever`. Importing this module imports langchain_core."""

from __future__ import annotations

import datetime as dt

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from study_bot.retrieval.retriever import Retriever
from study_bot.types import Filters, Hit


class StudyRetriever(BaseRetriever):
    """Finds passages of the study library. `k` is the number of documents returned."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    retriever: Retriever
    k: int = 8
    filters: Filters = Filters()

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        understood = self.retriever.understand(query, dt.date.today())
        return [as_document(hit) for hit in self.retriever.retrieve(understood, self.filters, self.k).hits]


def as_document(hit: Hit) -> Document:
    """A hit as a LangChain document; its metadata says where the passage is and why it was found."""
    passage = hit.passage
    return Document(
        id=passage.passage_id,
        page_content=passage.text,
        metadata={
            "doc_id": passage.doc_id,
            "version_id": passage.version_id,
            "title": passage.title,
            "locator": passage.locator.label,
            "start": passage.start,
            "end": passage.end,
            "score": hit.score,
            "dense": hit.dense,
            "sparse": hit.sparse,
            "exact": hit.exact,
        },
    )
