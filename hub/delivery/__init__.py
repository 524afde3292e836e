"""What to do with an outcome, and whether a delivery is a duplicate. Pure."""
