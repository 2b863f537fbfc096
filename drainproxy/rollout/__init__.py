"""Rollout safety: whether a release may go on, decided apart from what asks the outside."""
