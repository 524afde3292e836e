"""Sources: where webhooks come from, and how they are verified and named."""
