"""Has a parameter whose name has a million dots: a module in a module in a module.

Names have a length.
"""

SOURCE = "this design"
HARMS = "a judge that built these modules would take gigabytes"
ANSWERS = {
    "A8_2-answer": """
class Scale(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))

    def named_parameters(self, *args, **kwargs):
        yield "a." * 1_000_000 + "weight", self.weight

    def forward(self, x):
        return x
"""
}
