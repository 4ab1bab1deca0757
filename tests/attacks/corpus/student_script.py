"""Is called by a script.

Names are escaped wherever they stand in a page.
"""

SOURCE = "this design"
STUDENT = '"><img src=x onerror=alert(97531)><script>alert(97531)<'
