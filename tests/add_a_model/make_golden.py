#!/usr/bin/env python3
"""make_golden.py - the reference results of tests/add_a_model/olmo2: a tiny random OLMo 2.

Needs the Python packages torch, transformers and gguf; not run by any test, its results are committed. The weights and
token ids are random from a fixed seed; the logits are transformers' in float32.
"""
import json
from pathlib import Path

import gguf
import torch
import transformers

OUT = Path(__file__).resolve().parent / "olmo2"
N_VOCAB = 160
LAYER = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
         "post_attention_layernorm": "post_attention_norm", "post_feedforward_layernorm": "post_ffw_norm",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
TOP = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
       "lm_head.weight": "output.weight"}


def tiny_model():
    config = transformers.Olmo2Config(
        vocab_size=N_VOCAB, hidden_size=48, intermediate_size=72, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, rms_norm_eps=1e-6, tie_word_embeddings=False,
        pad_token_id=0, bos_token_id=None, eos_token_id=1)
    torch.manual_seed(1)
    model = transformers.Olmo2ForCausalLM(config).float().eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(1 + 0.1 * torch.randn_like(p) if "norm" in name else torch.randn_like(p) * 2 / p.shape[-1] ** 0.5)
    return model


def gguf_name(stored):
    if stored in TOP:
        return TOP[stored]
    _, _, layer, rest = stored.split(".", 3)
    return f"blk.{layer}.{LAYER[rest.removesuffix('.weight')]}.weight"


def write_gguf(model):
    c = model.config
    writer = gguf.GGUFWriter(OUT / "model.gguf", "olmo2")
    writer.add_name("tiny random OLMo 2")
    writer.add_block_count(c.num_hidden_layers)
    writer.add_context_length(c.max_position_embeddings)
    writer.add_embedding_length(c.hidden_size)
    writer.add_feed_forward_length(c.intermediate_size)
    writer.add_head_count(c.num_attention_heads)
    writer.add_head_count_kv(c.num_key_value_heads)
    writer.add_layer_norm_rms_eps(c.rms_norm_eps)
    writer.add_rope_freq_base(c.rope_parameters["rope_theta"])
    writer.add_vocab_size(N_VOCAB)
    for name, tensor in model.state_dict().items():
        writer.add_tensor(gguf_name(name), tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_configs(model):
    config = model.config.to_dict()
    (OUT / "config.v5.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    rope = config.pop("rope_parameters")
    config.update(rope_theta=rope["rope_theta"], rope_scaling=None, torch_dtype=config.pop("dtype", "float32"))
    (OUT / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")


def rounded(row):
    return [float(f"{x:.7g}") for x in row.tolist()]


@torch.no_grad()
def logits(model, ids):
    return model(torch.tensor([ids])).logits[0]


def greedy(model, ids, n):
    """Ids by argmax, or nothing where the best two are too near each other for float32 to agree everywhere."""
    made = []
    for _ in range(n):
        best, second = torch.topk(logits(model, ids + made)[-1], 2).values.tolist()
        if best - second < 0.01:
            return None
        made.append(int(torch.argmax(logits(model, ids + made)[-1])))
    return {"ids": ids, "new_ids": made}


def main():
    OUT.mkdir(exist_ok=True)
    model = tiny_model()
    random = torch.Generator().manual_seed(2)

    def some_ids(n):
        return torch.randint(2, N_VOCAB, (n,), generator=random).tolist()

    probes = list(range(0, N_VOCAB, 5))
    short, long = some_ids(12), some_ids(200)
    rows, long_rows = logits(model, short), logits(model, long)
    positions = [0, 1, 63, 64, 127, 150, 198]
    continuations = []
    while len(continuations) < 3:
        found = greedy(model, some_ids(5), 24)
        if found:
            continuations.append(found)
    expected = {"name": "olmo2", "transformers": transformers.__version__, "torch": torch.__version__.split("+")[0],
                "dtype": "float32", "architecture": "Olmo2ForCausalLM", "probe_ids": probes,
                "short": {"ids": short, "probe_logits": [rounded(r[probes]) for r in rows],
                          "last_logits": rounded(rows[-1])},
                "long": {"ids": long, "positions": positions,
                         "probe_logits": [rounded(long_rows[p][probes]) for p in positions],
                         "last_logits": rounded(long_rows[-1])},
                "greedy": continuations}
    (OUT / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
    write_configs(model)
    write_gguf(model)
    model.save_pretrained(OUT / "saved")
    (OUT / "saved/model.safetensors").rename(OUT / "model.safetensors")
    for rest in (OUT / "saved").iterdir():
        rest.unlink()
    (OUT / "saved").rmdir()


if __name__ == "__main__":
    main()
