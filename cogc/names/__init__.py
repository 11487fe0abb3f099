"""Files to a world of declarations: imports, names, shapes of coglets and mixins."""
