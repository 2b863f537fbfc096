"""Kubernetes manifests: the documents of a file, and the objects in them as far as we read them."""
