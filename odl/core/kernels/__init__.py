"""Integer kernels, one per file, each named as its C twin.

Every kernel is exact: the plain Python-int references in ``tests/helpers/reference*.py``,
the compiled functions here and the C core give the same integers for every input in the
range that the docstring states. Rules that keep it so: each operation is cast to its
width (Numba would promote, NumPy would wrap), nothing is divided or shifted right while
negative except in ``shift.py``, and results saturate instead of wrapping.
"""
