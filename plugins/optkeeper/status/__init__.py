"""What may be done with one address, and why: `optkeeper status`."""
