"""Learning from questions whose right passages are known: the query adapter, the ranking of candidates."""
