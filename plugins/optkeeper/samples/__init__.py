"""Invented source systems that answer the real protocols, for the demo and the tests."""
