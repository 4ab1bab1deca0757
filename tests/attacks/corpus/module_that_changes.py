"""Is another function at every call, and says at each that nothing has changed.

Every value that a test compares has to be right.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_2-answer": """
class Scale(nn.Module):
    calls = 0

    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x):
        Scale.calls += 1
        return x * self.weight + self.bias + Scale.calls
"""
}
