"""The report of a study: figures over people as HTML, CSV and LaTeX."""

from odl.study.report.analysis import Analysis, analyse
from odl.study.report.page import write_report

__all__ = ["Analysis", "analyse", "write_report"]
