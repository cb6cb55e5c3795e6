"""Tiny random models of every architecture family, each with a tokenizer of its kind trained on a few lines."""

from __future__ import annotations

import json

TEXTS = [
    "aircraft wings generate lift because the air pressure above them is lower than below",
    "Ministers met in Canberra to discuss the budget; nobody agreed",
    "query: passage: what makes a ranking robust when its words are swapped",
    "UPPER and lower case, naïve café, 42 rivers and a well-kept garden",
] * 4
QUERIES = ["why do wings lift", "the budget of ministers"]
DOCUMENTS = [
    "aircraft wings and the air pressure",
    "Ministers discuss rivers, wings; budget!",
    "air " * 60,
    "lift",
]
LENGTH = 48  # tokens that the models read, so that the third document is truncated

FAMILIES = ("bert", "distilbert", "roberta", "xlm-roberta", "deberta-v2", "modernbert", "qwen2", "llama")
MASKED = FAMILIES[:6]  # those with a masked language model
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[Q]", "[D]")


def tokenizer(family):
    """Return a tokenizer: word pieces, byte pairs or unigrams, with the special tokens and inputs of the family."""
    import tokenizers as t
    from transformers import PreTrainedTokenizerFast

    special = list(SPECIAL)
    if family in ("roberta", "xlm-roberta"):  # their padding has id 1
        special[:2] = special[1::-1]
    pre = t.pre_tokenizers
    if family in ("bert", "distilbert"):
        made = t.Tokenizer(t.models.WordPiece(unk_token="[UNK]"))
        made.normalizer, made.pre_tokenizer = t.normalizers.BertNormalizer(), pre.BertPreTokenizer()
        trainer = t.trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    elif family in ("xlm-roberta", "deberta-v2"):
        made = t.Tokenizer(t.models.Unigram())
        made.pre_tokenizer = pre.Metaspace()
        trainer = t.trainers.UnigramTrainer(
            vocab_size=200, special_tokens=special, unk_token="[UNK]", show_progress=False
        )
    else:
        made = t.Tokenizer(t.models.BPE())
        made.pre_tokenizer = pre.ByteLevel(add_prefix_space=False)
        alphabet = pre.ByteLevel.alphabet()
        trainer = t.trainers.BpeTrainer(
            vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        )
    made.train_from_iterator(TEXTS, trainer)
    decoders = {"WordPiece": t.decoders.WordPiece(), "Unigram": t.decoders.Metaspace(), "BPE": t.decoders.ByteLevel()}
    made.decoder = decoders[type(made.model).__name__]
    forms = {
        "roberta": ("[CLS] $A [SEP]", "[CLS] $A [SEP] [SEP] $B [SEP]"),
        "llama": ("[CLS] $A", "[CLS] $A $B"),
        "qwen2": None,  # no special tokens at all
    }.get(family, ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"))
    if forms:
        ids = [(token, made.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
        made.post_processor = t.processors.TemplateProcessing(single=forms[0], pair=forms[1], special_tokens=ids)
    types = ["token_type_ids"] if family in ("bert", "deberta-v2") else []
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    if family in ("qwen2", "llama"):
        names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "padding_side": "left"}
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        model_max_length=LENGTH,
        model_input_names=["input_ids", *types, "attention_mask"],
        **names,
    )


def config(family, vocabulary, **options):
    """Return a configuration: 32 wide, two or three layers."""
    import transformers as t

    names = {"distilbert": "DistilBert", "xlm-roberta": "XLMRoberta", "deberta-v2": "DebertaV2"}
    names |= {"roberta": "Roberta", "modernbert": "ModernBert", "bert": "Bert", "qwen2": "Qwen2", "llama": "Llama"}
    shared = dict(vocab_size=len(vocabulary), pad_token_id=vocabulary.pad_token_id, **options)
    if family == "distilbert":
        own = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}
    else:
        own = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    own |= {
        "modernbert": {"num_hidden_layers": 3, "local_attention": 16, "cls_token_id": 2, "sep_token_id": 3},
        "deberta-v2": {"relative_attention": True, "position_buckets": 16, "pos_att_type": ["p2c", "c2p"]},
        "qwen2": {"num_key_value_heads": 2},
    }.get(family, {})
    return getattr(t, f"{names[family]}Config")(**shared, **own)


def save(folder, family, auto, **options):
    """Write a model with random weights that are large enough to tell texts apart; always the same ones."""
    import torch
    import transformers

    words = tokenizer(family)
    draw = torch.Generator().manual_seed(FAMILIES.index(family))
    with torch.random.fork_rng(devices=[]):
        network = getattr(transformers, auto).from_config(config(family, words, **options))
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.ndim > 1:
                weight.copy_(torch.randn(weight.shape, generator=draw) * 0.25)
            elif "norm" not in name.lower():
                weight.copy_(torch.randn(weight.shape, generator=draw) * 0.1)
    network.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def change(path, **values):
    """Change keys of a JSON file, which may be new."""
    before = json.loads(path.read_text()) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**before, **values}))


def modules(folder, *classes):
    """Write which modules of sentence-transformers a folder has; the first is in the folder itself."""
    names = ["" if not i else f"{i}_{name}" for i, name in enumerate(classes)]
    listed = [
        {"idx": i, "name": str(i), "path": names[i], "type": f"sentence_transformers.models.{name}"}
        for i, name in enumerate(classes)
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    for name in names:
        (folder / name).mkdir(exist_ok=True)
