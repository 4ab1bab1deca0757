"""Has ten parameters of sixty million numbers each, all of them the same four bytes.

What copies of all of a reply's tensors would take together counts.
"""

SOURCE = "this design"
HARMS = "a judge that copied them would take five gigabytes"
ANSWERS = {
    "A8_2-answer": """
class Scale(nn.Module):
    def __init__(self, features):
        super().__init__()
        one = torch.zeros(1)
        for number in range(10):
            self.register_parameter(f"part{number}", nn.Parameter(one.expand(60_000_000)))

    def forward(self, x):
        return x
"""
}
