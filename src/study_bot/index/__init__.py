"""From passages to searchable snapshots: embeddings, dense and sparse indexes, article table, builds on disk."""
