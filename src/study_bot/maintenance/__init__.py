"""Keeping an installation alive: backup, restore, purge."""
