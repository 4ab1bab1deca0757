"""Training: one loop for everything in the course, and what papers trained with.

    history = train(model, batches, loss, steps=1000)

| file | what it holds |
| --- | --- |
| `loop.py` | `train`: the loop, from the first step or from a checkpoint to the best weights |
| `run.py` | what a step does to a model, and what a checkpoint holds; `History` |
| `processes.py` | device, precision, the processes of `torchrun`, chance |
| `recipes.py` | `token_loss`, `warm_up`, `paper_adam` |
"""

from course.training.loop import train
from course.training.recipes import paper_adam, token_loss, warm_up
from course.training.run import Batch, History

__all__ = ["Batch", "History", "paper_adam", "token_loss", "train", "warm_up"]
