"""Code that a model folder brings along; it leaves a file where it ran."""

from pathlib import Path

from transformers import BertConfig, BertModel

Path("RAN").touch()


class ForeignConfig(BertConfig):
    model_type = "foreign"


class ForeignModel(BertModel):
    config_class = ForeignConfig
