"""Functions that numba compiles (the extra `numba`), imported where they are called."""
