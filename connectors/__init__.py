"""What connector plugins implement, and the connectors that ship. Plugins import ``connectors.api`` only."""
