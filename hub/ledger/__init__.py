"""The ledger: decisions and outcomes as rows that can be asked, and the proof that nothing is missing in the log."""
