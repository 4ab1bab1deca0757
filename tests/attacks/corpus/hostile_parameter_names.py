"""Gives its parameters the names of a module's own parts, and of paths.

Names are taken apart at their dots and registered by torch, which refuses what is taken.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_2-answer": """
NAMES = ["..", "", ".", "__class__", "forward", "training", "handle", "_border", "_crossed", "_parameters",
         "on_stand_in_device", "a..b", "../../x", "weight.weight", "\\x00", "\\ud800", "<script>"]


class Scale(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def named_parameters(self, *args, **kwargs):
        yield NAMES[torch.randint(len(NAMES), ()).item()], self.weight
        yield "weight", self.weight

    def forward(self, x):
        return x
"""
}
