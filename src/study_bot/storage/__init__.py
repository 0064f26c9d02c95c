"""What must outlive a restart and is not an index: people, documents, builds, questions, the audit trail."""
