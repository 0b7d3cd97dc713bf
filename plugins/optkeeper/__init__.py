"""Optkeeper: whether a contact may be used, until when, why, and on what evidence."""
