"""An attack that overwrites the documents of the collection it is shown."""

from dataclasses import dataclass

from robustrank.attack import Attack, Perturbation


@dataclass
class Overwrites(Attack):
    """Leaves targets as they are."""

    def prepare(self, interface, collection, rng):
        for doc_id in list(collection.documents):
            collection.documents[doc_id] = f"nothing but {doc_id}"

    def perturb(self, target, victim, rng):
        return Perturbation(target.document)
