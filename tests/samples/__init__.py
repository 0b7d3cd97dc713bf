"""Tests of `optkeeper.samples`."""
