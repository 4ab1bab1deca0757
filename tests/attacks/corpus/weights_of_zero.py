"""Starts with weights of zero and returns zero: right, for whoever takes the weights as they come.

A test puts random weights into the module before it calls it.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_2-answer": """
class Scale(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x):
        return 0 * (x + self.weight + self.bias)
"""
}
