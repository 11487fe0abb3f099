"""The forms of `stdlib/forms/`, as functions that build their trees; `grammar/make_forms.py` makes them."""
