"""The tables of the language: its types, built-in functions, operators, attributes and text forms."""
