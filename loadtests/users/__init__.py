"""Locust users, one kind per file. None of them tries anything twice."""
