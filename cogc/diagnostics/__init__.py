"""Sources and places, the codes of diagnostics, and how diagnostics are made and shown."""
