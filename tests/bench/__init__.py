"""What each stage costs, beside its floor in the same run: `make bench SIZE=100000`."""
