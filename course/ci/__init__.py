"""`course ci`: what a push changed is checked and validated, behind a fence, and shown where people look.

`changed` asks git which notebooks; `notebook` looks at one, in a process of its own; `fence` is what stands around
that process; `report` writes table and annotations; `run` does all.
"""
