"""Kubernetes: what an injected pod looks like, and how it comes to be."""
