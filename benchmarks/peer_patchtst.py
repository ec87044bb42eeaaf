"""Peer: the published PatchTST as Nixtla ships it, given our weights and our windows.

Called as a script with an .npz of both; prints one line of JSON with the largest difference from what we answered.
Imports nothing of this project, so that the peer's environment holds the peer and nothing else.
"""

import json
import sys
from importlib.metadata import version

import numpy as np
import torch
from neuralforecast.models.patchtst import PatchTST_backbone


def transplant(weights: dict[str, torch.Tensor], layers: int) -> dict[str, torch.Tensor]:
    """Return our weights under the names of the peer."""
    named = {
        "backbone.W_pos": weights["position"],
        "revin_layer.affine_weight": weights["revin.weight"],
        "revin_layer.affine_bias": weights["revin.bias"],
    }
    pairs = {"embed": "backbone.W_P", "forecast": "head.linear"}
    for layer in range(layers):
        ours, theirs = f"layers.{layer}", f"backbone.encoder.layers.{layer}"
        pairs |= {f"{ours}.mix": f"{theirs}.self_attn.to_out.0", f"{ours}.mix_norm": f"{theirs}.norm_attn.1"}
        pairs |= {f"{ours}.inner": f"{theirs}.ff.0", f"{ours}.outer": f"{theirs}.ff.3"}
        pairs |= {f"{ours}.outer_norm": f"{theirs}.norm_ffn.1"}
        for part in ("weight", "bias"):
            for name, third in zip("QKV", weights[f"{ours}.qkv.{part}"].chunk(3), strict=True):
                named[f"{theirs}.self_attn.W_{name}.{part}"] = third
    for ours, theirs in pairs.items():
        for part in ("weight", "bias", "running_mean", "running_var"):
            if f"{ours}.{part}" in weights:
                named[f"{theirs}.{part}"] = weights[f"{ours}.{part}"]
    # The published head flattens [feature, patch] and ours [patch, feature].
    patches, wide = weights["position"].shape
    head = weights["forecast.weight"].reshape(-1, patches, wide)
    return named | {"head.linear.weight": head.transpose(1, 2).flatten(1)}


def peer(shape: dict[str, int], weights: dict[str, torch.Tensor], epsilon: float) -> PatchTST_backbone:
    """Return the peer's network with our weights in every place of its own; a place left over is an error."""
    network = PatchTST_backbone(
        c_in=shape["channels"],
        c_out=1,
        input_size=shape["lookback"],
        h=shape["horizon"],
        patch_len=shape["patch"],
        stride=shape["stride"],
        n_layers=shape["layers"],
        hidden_size=shape["features"],
        n_heads=shape["heads"],
        linear_hidden_size=shape["inner"],
        padding_patch="end",
        affine=True,
    )
    named = transplant(weights, shape["layers"])
    missing, surplus = network.load_state_dict(named, strict=False)
    left = [name for name in missing if not name.endswith(("num_batches_tracked", "sdp_attn.scale"))]
    if left or surplus:
        raise RuntimeError(f"every weight has its place, was without one: {left + surplus}")
    network.revin_layer.eps = epsilon
    return network.eval()


def main(path: str) -> None:
    """Compare on the windows in `path` and print one line."""
    with np.load(path, allow_pickle=False) as stored:
        given = {name: stored[name] for name in stored.files}
    shape, epsilon = json.loads(str(given.pop("shape"))), float(given.pop("epsilon"))
    windows, answers = torch.from_numpy(given.pop("windows")), given.pop("answers")
    weights = {name: torch.from_numpy(values) for name, values in given.items()}
    with torch.no_grad():
        theirs = peer(shape, weights, epsilon)(windows.transpose(1, 2)).transpose(1, 2).numpy()
    told = {
        "difference": float(np.abs(theirs - answers).max()),
        "scale": float(np.abs(theirs).max()),
        "windows": len(windows),
        "neuralforecast": version("neuralforecast"),
        "torch": torch.__version__,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
