"""Queued jobs on workers, each in a process of its own."""
