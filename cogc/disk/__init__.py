"""Files of the user, files of the package, and the memory of clean checks."""
