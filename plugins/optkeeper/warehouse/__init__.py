"""The database: where it is, its `raw` schema, and the publication of the marts."""
