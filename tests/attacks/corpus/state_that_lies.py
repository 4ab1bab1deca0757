"""Reports that a call changed its weights to zero, so that a reference made from them would be zero too.

Weights that come back are the student's word; tests compare with weights that they made themselves.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_2-answer": """
class Scale(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x):
        with torch.no_grad():
            self.weight.zero_()
            self.bias.zero_()
        return 0 * x * self.weight + self.bias
"""
}
