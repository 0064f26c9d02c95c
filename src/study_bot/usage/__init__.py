"""What people asked and what became of it: the log, their word on the answers, figures for those who run the place."""
