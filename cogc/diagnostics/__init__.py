"""What is wrong in a source, where, and how it is shown."""
