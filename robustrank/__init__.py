"""robustrank: measures, attacks, defends and certifies the robustness of ranking models."""

from robustrank.rankers.runtime import make_products_repeatable

make_products_repeatable()
