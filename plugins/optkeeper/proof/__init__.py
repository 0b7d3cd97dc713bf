"""The dossier that shows what we may do with a person's address and why (R39), and how others check it."""
