"""The files of the user, the files of the package, and the cache of clean checks."""
