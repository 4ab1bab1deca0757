"""`course similarity`: which answers are alike beyond what everybody was given, for a person to read side by side.

`answers` takes each answer's text from a submission, `fingerprints` hashes it, `known_code` is what is no evidence,
`pairs` weighs and ranks, `report` writes table, CSV and page. Nothing here changes a point.
"""
