"""Submissions in, gradebook and reports out: rebuild, student process, judge, record, report."""

import sys

# nbformat imports jsonschema, and that this package if it is there: it builds 38 grammars of web addresses, most of
# a second in every process, for a format that no notebook has. Without it jsonschema leaves the format out.
sys.modules.setdefault("rfc3987_syntax", None)
