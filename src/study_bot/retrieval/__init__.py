"""From a question to passages: what it asks for, exact articles, dense and keyword search, fusion."""
