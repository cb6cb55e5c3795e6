"""What plug-ins of each kind promise, as test classes: a plug-in author subclasses one in three lines.

from robustrank.testing import AttackConformance

class TestMyAttack(AttackConformance):
plugin = "./my_attack.py"      # a name, a path, or module:Class, with parameters
"""

from robustrank.testing.attacks import AttackConformance
from robustrank.testing.collections import CollectionConformance
from robustrank.testing.defenses import DefenseConformance
from robustrank.testing.llms import LlmConformance
from robustrank.testing.rankers import RankerConformance
from robustrank.testing.retrievers import RetrieverConformance
from robustrank.testing.tasks import TaskConformance

__all__ = [
    "AttackConformance",
    "CollectionConformance",
    "DefenseConformance",
    "LlmConformance",
    "RankerConformance",
    "RetrieverConformance",
    "TaskConformance",
]
