"""scikit-learn estimators: the frozen extractor as a transformer, Dendron's head as a classifier.

Both run the kernels of a session, and need the extra ``sklearn``::

    make_pipeline(Extractor("shoulder"), DendronClassifier()).fit(windows, labels)
"""

from odl.sklearn.classifier import DendronClassifier
from odl.sklearn.extractor import Extractor

__all__ = ["DendronClassifier", "Extractor"]
