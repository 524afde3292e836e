"""What ``hub init`` writes: one ``<source type>.yaml`` per kind of sender it can begin with."""
