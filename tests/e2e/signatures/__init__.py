"""Signatures: that every URL the function signs is the one AWS expects, and that a server opens it."""
