"""Tests of the signatures: every URL must be the one that AWS expects, and a server must open it."""
