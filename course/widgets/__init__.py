"""Widgets of the lectures: thin shells over plain functions that draw.

| file | what |
| --- | --- |
| `explorer.py` | `Explorer`: controls above a picture and a sentence about it; all others are made of it |
"""
