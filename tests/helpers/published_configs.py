"""config.json of published DNA language models, as their authors put them on the hub: the facts, unshrunk.

Read on the hub's pages where not said otherwise. Not found: the config.json of GENERanno (the hub lists one
of 890 bytes, the model type `generanno` and code of its own), that of the 3-mer Nucleotide Transformer v2
(722 bytes), and the end of GenomeOcean's, after `num_attention_heads`.
"""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]


def _nucleotide_1(width: int, layers: int, inner: int) -> Config:
    return {
        "architectures": ["EsmForMaskedLM"], "attention_probs_dropout_prob": 0.0,
        "emb_layer_norm_before": False, "esmfold_config": None, "hidden_dropout_prob": 0.0,
        "hidden_size": width, "initializer_range": 0.02, "intermediate_size": inner,
        "is_folding_model": False, "layer_norm_eps": 1e-12, "mask_token_id": 2,
        "max_position_embeddings": 1002, "model_type": "esm",
        "num_attention_heads": 20, "num_hidden_layers": layers, "pad_token_id": 1,
        "position_embedding_type": "absolute", "tie_word_embeddings": False, "token_dropout": True,
        "torch_dtype": "float32", "use_cache": False, "vocab_list": None, "vocab_size": 4105,
    }  # fmt: skip


def _nucleotide_2(width: int, layers: int, inner: int) -> Config:
    return {
        "add_bias_fnn": False,
        "architectures": ["EsmForMaskedLM", "EsmForTokenClassification", "EsmForSequenceClassification"],
        "attention_probs_dropout_prob": 0.0,
        "auto_map": {
            "AutoConfig": "esm_config.EsmConfig",
            "AutoModelForMaskedLM": "modeling_esm.EsmForMaskedLM",
            "AutoModelForTokenClassification": "modeling_esm.EsmForTokenClassification",
            "AutoModelForSequenceClassification": "modeling_esm.EsmForSequenceClassification",
        },
        "emb_layer_norm_before": False, "esmfold_config": None, "hidden_dropout_prob": 0.0,
        "hidden_size": width, "initializer_range": 0.02, "intermediate_size": inner,
        "is_folding_model": False, "layer_norm_eps": 1e-12, "mask_token_id": 2,
        "max_position_embeddings": 2050,
        "num_attention_heads": 16, "num_hidden_layers": layers, "pad_token_id": 1,
        "position_embedding_type": "rotary", "tie_word_embeddings": False, "token_dropout": False,
        "torch_dtype": "float32", "transformers_version": "4.32.0.dev0", "use_cache": False,
        "vocab_list": None, "vocab_size": 4107,
    }  # fmt: skip


NUCLEOTIDE = {
    # Version 1: read in copies that others saved again, without the `_name_or_path` these add.
    "nucleotide-transformer-500m-human-ref": _nucleotide_1(1280, 24, 5120),
    "nucleotide-transformer-500m-1000g": _nucleotide_1(1280, 24, 5120),
    "nucleotide-transformer-2.5b-1000g": _nucleotide_1(2560, 32, 10240),
    "nucleotide-transformer-2.5b-multi-species": _nucleotide_1(2560, 32, 10240),
    # Version 2: 50m and 500m whole; of 100m and 250m the sizes, and the length of the file, which is equal.
    "nucleotide-transformer-v2-50m-multi-species": _nucleotide_2(512, 12, 2048),
    "nucleotide-transformer-v2-100m-multi-species": _nucleotide_2(512, 22, 2048),
    "nucleotide-transformer-v2-250m-multi-species": _nucleotide_2(768, 24, 3072),
    "nucleotide-transformer-v2-500m-multi-species": _nucleotide_2(1024, 29, 4096),
}

_DNABERT_2: Config = {
    "_name_or_path": "zhihan1996/DNABERT-2-117M", "alibi_starting_size": 512,
    "attention_probs_dropout_prob": 0.0,
    "auto_map": {
        "AutoConfig": "configuration_bert.BertConfig",
        "AutoModel": "bert_layers.BertModel",
        "AutoModelForMaskedLM": "bert_layers.BertForMaskedLM",
        "AutoModelForSequenceClassification": "bert_layers.BertForSequenceClassification",
    },
    "classifier_dropout": None, "gradient_checkpointing": False, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1, "hidden_size": 768, "initializer_range": 0.02, "intermediate_size": 3072,
    "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "num_attention_heads": 12,
    "num_hidden_layers": 12, "position_embedding_type": "absolute", "torch_dtype": "float32",
    "transformers_version": "4.28.0", "type_vocab_size": 2, "use_cache": True, "vocab_size": 4096,
}  # fmt: skip
DNABERT = {
    "DNABERT-2-117M, first revision": {
        **_DNABERT_2, "architectures": ["BertForMaskedLM"], "model_type": "bert",
    },
    "DNABERT-2-117M, latest revision": _DNABERT_2,
    # Read in a copy under another name.
    "DNABERT-S": {**_DNABERT_2, "architectures": ["BertModel"], "model_type": "bert", "pad_token_id": 0},
}  # fmt: skip


def _gena(width: int = 768, layers: int = 12, **settings: object) -> Config:
    return {
        "architectures": ["BertForMaskedLM"], "attention_probs_dropout_prob": 0.1,
        "auto_map": {"AutoModel": "modeling_bert.BertForMaskedLM"}, "gradient_checkpointing": False,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": width, "initializer_range": 0.02,
        "intermediate_size": 4 * width, "layer_norm_eps": 1e-12, "max_position_embeddings": 512,
        "model_type": "bert", "num_attention_heads": width // 64, "num_hidden_layers": layers,
        "pad_token_id": 3, "position_embedding_type": "absolute", "pre_layer_norm": True,
        "transformers_version": "4.6.0.dev0", "type_vocab_size": 2, "use_cache": True, "vocab_size": 32000,
    } | settings  # fmt: skip


# Of the sparse models, the files of the authors' repository AIRI-Institute/GENA_LM; the hub's add auto_map.
_SPARSE: Config = {
    "max_position_embeddings": 4096,
    "sparse_attention": {
        "block": 64, "different_layout_per_head": True, "num_global_blocks": 2, "num_heads": 12,
        "num_random_blocks": 3, "num_sliding_window_blocks": 3,
    },
    "sparse_config_cls": "deepspeed.ops.sparse_attention:BigBirdSparsityConfig",
}  # fmt: skip
GENA = {  # bert-base and lastln: read in copies that others trained further
    "gena-lm-bert-base": _gena(last_layer_norm=False)
    | {"auto_map": {"AutoModel": "modeling_bert.BertForPreTraining"}},
    "gena-lm-bert-base-t2t": _gena(last_layer_norm=False),
    "gena-lm-bert-base-t2t-multi": _gena(last_layer_norm=False),
    "gena-lm-bert-base-lastln-t2t": _gena(),
    "gena-lm-bert-large-t2t": _gena(1024, 24, layer_norm_eps=1e-5),
}
GENA_SPARSE = {
    "gena-lm-bigbird-base-sparse": _gena(last_layer_norm=False, rotary_base=10000, rotary_dim=32, **_SPARSE)
    | {"position_embedding_type": "rotary"},
    "gena-lm-bigbird-base-sparse-t2t": _gena(layer_norm_eps=1e-5, last_layer_norm=True, **_SPARSE),
}
GENA_BIGBIRD: Config = {
    "architectures": ["BigBirdForMaskedLM"], "attention_probs_dropout_prob": 0.1,
    "attention_type": "block_sparse", "block_size": 64, "gradient_checkpointing": False,
    "hidden_act": "gelu_new", "hidden_dropout_prob": 0.1, "hidden_size": 768, "initializer_range": 0.02,
    "intermediate_size": 3072, "layer_norm_eps": 1e-12, "max_position_embeddings": 4096,
    "model_type": "big_bird", "num_attention_heads": 12, "num_hidden_layers": 12, "num_random_blocks": 3,
    "pad_token_id": 3, "position_embedding_type": "absolute", "rescale_embeddings": False,
    "transformers_version": "4.4.0.dev0", "type_vocab_size": 2, "use_bias": True, "use_cache": True,
    "vocab_size": 32000,
}  # fmt: skip
GENOME_OCEAN: Config = {  # GenomeOcean-100M
    "_name_or_path": "./model/model_mistral_100M", "architectures": ["MistralForCausalLM"],
    "attention_dropout": 0.0,
    "auto_map": {
        "AutoConfig": "configuration_mistral.MistralConfig",
        "AutoModel": "modeling_mistral.MistralModel",
        "AutoModelForCausalLM": "modeling_mistral.MistralForCausalLM",
        "AutoModelForMaskedLM": "modeling_mistral.MistralForMaskedLM",
        "AutoModelForSequenceClassification": "modeling_mistral.MistralForSequenceClassification",
    },
    "bos_token_id": 1, "classifier_dropout": 0.1, "eos_token_id": 2, "hidden_act": "silu",
    "hidden_size": 768, "initializer_range": 0.02, "intermediate_size": 3072, "is_causal": True,
    "max_position_embeddings": 32768, "model_type": "mistral", "num_attention_heads": 8,
}  # fmt: skip
HYENA_DNA: Config = {  # hyenadna-large-1m-seqlen-hf
    "_name_or_path": "hyenadna-large-1m-seqlen-hf", "activation_freq": 10,
    "architectures": ["HyenaDNAForCausalLM"],
    "auto_map": {
        "AutoConfig": "configuration_hyena.HyenaConfig",
        "AutoModel": "modeling_hyena.HyenaDNAModel",
        "AutoModelForCausalLM": "modeling_hyena.HyenaDNAForCausalLM",
        "AutoModelForSequenceClassification": "modeling_hyena.HyenaDNAForSequenceClassification",
    },
    "d_inner": 1024, "d_model": 256, "emb_dim": 5, "embed_dropout": 0.1, "filter_order": 64,
    "hyena_dropout": 0.0, "hyena_filter_dropout": 0.0, "hyena_order": 2, "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05, "max_seq_len": 1000002, "model_type": "hyenadna", "n_layer": 8,
    "num_inner_mlps": 2, "pad_vocab_size_multiple": 8, "short_filter_order": 3, "tie_word_embeddings": False,
    "torch_dtype": "float32", "train_freq": True, "transformers_version": "4.35.0.dev0", "use_bias": True,
    "vocab_size": 12,
}  # fmt: skip


def _caduceus(width: int, layers: int, rcps: bool) -> Config:
    complement = {str(token): token for token in range(16)} | {"7": 10, "8": 9, "9": 8, "10": 7}
    return {
        "architectures": ["CaduceusForMaskedLM"],
        "auto_map": {
            "AutoConfig": "configuration_caduceus.CaduceusConfig",
            "AutoModel": "modeling_caduceus.Caduceus",
            "AutoModelForMaskedLM": "modeling_caduceus.CaduceusForMaskedLM",
            "AutoModelForSequenceClassification": "modeling_caduceus.CaduceusForSequenceClassification",
        },
        "bidirectional": True, "bidirectional_strategy": "add", "bidirectional_weight_tie": True,
        "complement_map": complement, "d_model": width, "fused_add_norm": True,
        "initializer_cfg": {
            "initializer_range": 0.02, "n_residuals_per_layer": 1, "rescale_prenorm_residual": True,
        },
        "model_type": "caduceus", "n_layer": layers, "norm_epsilon": 1e-05, "pad_vocab_size_multiple": 8,
        "rcps": rcps, "residual_in_fp32": False, "rms_norm": True,
        "ssm_cfg": {
            "bias": False, "conv_bias": True, "d_conv": 4, "d_state": 16, "dt_init": "random",
            "dt_init_floor": 0.0001, "dt_max": 0.1, "dt_min": 0.001, "dt_rank": "auto", "dt_scale": 1.0,
            "expand": 2, "use_fast_path": True,
        },
        "torch_dtype": "float32", "transformers_version": "4.38.1", "vocab_size": 16,
    }  # fmt: skip


CADUCEUS = {
    # Of the first, a copy in another's repository.
    "caduceus-ps_seqlen-131k_d_model-256_n_layer-16": _caduceus(256, 16, rcps=True),
    "caduceus-ph_seqlen-1k_d_model-118_n_layer-4_lr-8e-3": _caduceus(118, 4, rcps=False),
}
_PRECISIONS = (
    "down_convolution", "embedding", "layernorm", "lmhead", "modulation", "stem", "transformer_ffn",
    "transformer_qkvo", "up_convolution",
)  # fmt: skip
NTV3: Config = {  # NTv3_8M_pre, from a copy in another's repository
    "alphabet_size": 11, "architectures": ["NTv3PreTrained"], "attention_heads": 8,
    "attention_maps_to_save": [], "conv_init_embed_dim": 256, "deconv_layers_to_save": [],
    "deconv_phase": "odd", "deconv_upsample_type": "repeat+conv", "embed_dim": 256,
    "embeddings_layers_to_save": [], "ffn_embed_dim": 1024, "key_size": 32, "layer_norm_eps": 1e-05,
    "mask_token_id": 2, "model_type": "ntv3", "num_downsamples": 7, "num_hidden_layers_head": 0,
    "num_layers": 2, "pad_token_id": 1, "tie_word_embeddings": False, "token_embed_dim": 16,
    "torch_dtype": "float32", "transformers_version": "4.55.0", "use_remat_in_convs": False,
    "use_remat_in_transformer": False, "use_skip_connection": True,
    "auto_map": {
        "AutoConfig": "configuration_ntv3_pretrained.Ntv3PreTrainedConfig",
        "AutoModelForMaskedLM": "modeling_ntv3_pretrained.NTv3PreTrained",
    },
    **{f"{part}_{kind}_dtype": "float32" for part in _PRECISIONS for kind in ("compute", "param")},
}  # fmt: skip
EVO: Config = {  # evo-1-8k-base; the page shows it up to the settings of flash attention
    "_commit_hash": "1cc23830f62c268082475776fb449af8428eb703",
    "_name_or_path": "togethercomputer/evo-1-131k-base",
    "architectures": ["StripedHyenaModelForCausalLM"], "attn_layer_idxs": [8, 16, 24],
    "auto_map": {
        "AutoConfig": "togethercomputer/evo-1-131k-base--configuration_hyena.StripedHyenaConfig",
        "AutoModelForCausalLM":
            "togethercomputer/evo-1-131k-base--modeling_hyena.StripedHyenaModelForCausalLM",
        "AutoTokenizer": ["togethercomputer/evo-1-131k-base--tokenizer.ByteTokenizer", None],
    },
    "column_split": False, "column_split_hyena": True, "eps": 1e-06, "final_norm": True,
    "hidden_size": 4096, "hyena_filter_groups": 1,
    "hyena_layer_idxs": [layer for layer in range(32) if layer not in (8, 16, 24)],
    "inference_mode": False, "inner_mlp_size": 10928, "log_intermediate_values": False,
    "make_vocab_size_divisible_by": 8, "max_seqlen": 8192, "mha_out_proj_bias": True,
    "mlp_activation": "gelu", "model_parallel_size": 1, "model_type": "stripedhyena",
    "num_attention_heads": 32, "num_filters": 4096, "num_layers": 32, "pipe_parallel_size": 1,
    "prefill_style": "fft", "proj_groups": 1, "qkv_proj_bias": True, "rotary_emb_base": 10000,
    "rotary_emb_scaling_factor": 1, "short_filter_bias": True, "short_filter_length": 3,
    "smeared_gqa": False, "split_k0": True, "state_size": 8, "tie_embeddings": True,
    "torch_dtype": "bfloat16", "transformers_version": None, "use_cache": True,
}  # fmt: skip
EVO_2: Config = {
    "name": "Evo 2 40B", "architecture": ["StripedHyena2"], "_name_or_path": "evo2_40b.pt",
}  # fmt: skip
