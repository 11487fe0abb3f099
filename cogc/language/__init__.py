"""What the language has, as tables: types, built-in functions, operators, attributes."""
