"""Who may do what: people, units, sign-in, sessions, and the trail of what was done."""
