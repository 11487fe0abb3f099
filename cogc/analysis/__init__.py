"""The types of expressions and bodies, and the rules of single declarations."""
