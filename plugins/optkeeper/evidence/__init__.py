"""Evidence that can be checked: a log of what was received, with signed heads (R40), and what is read from it."""
