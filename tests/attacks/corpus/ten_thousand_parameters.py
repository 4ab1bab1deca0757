"""Has ten thousand parameters.

A reply holds so many tensors and no more.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_2-answer": """
class Scale(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.parts = nn.ParameterList(nn.Parameter(torch.ones(1)) for _ in range(10_000))
        self.weight, self.bias = self.parts[0], self.parts[1]

    def forward(self, x):
        return x
"""
}
