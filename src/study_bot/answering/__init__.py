"""From retrieved passages to an answer whose every quoted character can be checked."""
