"""An attack around a script that ends with sys.exit, as argparse makes it do."""

import sys
from dataclasses import dataclass

from robustrank.attack import Attack


@dataclass
class Leaves(Attack):
    """Leaves the interpreter, with success."""

    def perturb(self, target, victim, rng):
        sys.exit(0)
