"""What the models reach on the course's data: every row of docs/results.md, each a run that anybody can repeat.

    python -m course.experiments            # or: make results

An experiment is one module with an `EXPERIMENT`; `common.py` says what that is, `report.py` writes the page.
"""
