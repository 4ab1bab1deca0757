"""Has the kernel replace the text of every later cell by `pass`.

There is no kernel: tests run in the judge's process, where no line of the student's ever runs.
"""

from tests.attacks.answers import all_wrong

SOURCE = "research §3, 4"
ANSWERS = all_wrong('get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\\n"])\n')
