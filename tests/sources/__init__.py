"""Tests of `optkeeper.sources`."""
