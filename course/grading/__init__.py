"""Submissions in, gradebook and reports out: rebuild, student process, judge, record, report."""
