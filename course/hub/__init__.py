"""The classroom server: JupyterHub with an account of the operating system for each person of a class.

    python -m course.hub            # accounts, folders, hub; Ctrl-C ends it
    python -m course.hub add dora   # a student more, while the hub runs
    python -m course.hub remove     # the accounts go, the files stay

docs/classroom.md is the guide. What keeps people apart is the kernel's: users, modes of files, limits of processes.
"""
