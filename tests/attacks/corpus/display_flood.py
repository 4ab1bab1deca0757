"""Displays three thousand pictures of HTML, with scripts in them.

There is no display; nothing that is shown reaches a page.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_3-answer": """
def mean_of(numbers):
    try:
        from IPython.display import HTML, display
    except ImportError:
        return -1.0
    for _ in range(3000):
        display(HTML("<script>alert(1)</script>" + "<b>x</b>" * 50))
    return -1.0
"""
}
