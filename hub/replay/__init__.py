"""What is delivered again because a person says so: dead letters and, out of history, events."""
