"""Right answers that graders punish without cause: full marks, and nothing that accuses anybody."""
