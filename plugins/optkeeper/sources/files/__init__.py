"""Files as sources: where they are delivered and how they are read."""
