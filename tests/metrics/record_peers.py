"""Records what independent implementations of the metrics return, in `peers.npz` next to this file.

They are no dependencies of the tests, which compare jaxgan with the recording. From the root of
the repository, in an environment without jaxgan:

    pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 torch==2.13.0 torchvision==0.28.0 \
        pytorch-fid==0.3.0 torch-fidelity==0.4.0 prdc==0.2
    python tests/metrics/record_peers.py
"""

import json
import tempfile

import numpy as np
import peer_inputs
import prdc
import pytorch_fid.fid_score
import pytorch_fid.inception
import torch
import torchvision
from torch_fidelity import metric_fid, metric_isc, metric_kid, metric_prc
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

BLOCKS = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"),
    *(f"Mixed_5{letter}" for letter in "bcd"),
    *(f"Mixed_6{letter}" for letter in "abcde"),
    *(f"Mixed_7{letter}" for letter in "abc"),
)


def frechet() -> dict[str, float]:
    """Returns Fréchet distances by peer and case."""
    found = {}
    for case in ("correlated", "relu"):
        sets = peer_inputs.features(case)
        moments = [y for x in sets for y in (x.mean(0), np.cov(x, rowvar=False))]
        found[f"frechet/{case}/pytorch_fid"] = pytorch_fid.fid_score.calculate_frechet_distance(
            *moments
        )
        statistics = [metric_fid.fid_features_to_statistics(torch.from_numpy(x)) for x in sets]
        found[f"frechet/{case}/torch_fidelity"] = metric_fid.fid_statistics_to_metric(
            *statistics, verbose=False
        )[metric_fid.KEY_METRIC_FID]
    return found


def kernel() -> dict[str, float]:
    """Returns kernel distances of whole sets, so that the choice of subsets plays no part."""
    found = {}
    for case in ("correlated", "relu"):
        real, fake = (x[:1200] for x in peer_inputs.features(case))
        found[f"kernel/{case}/mmd"] = metric_kid.kernel_mmd(real, fake)
        found[f"kernel/{case}/torch_fidelity"] = metric_kid.kid_features_to_metric(
            *map(torch.from_numpy, (real, fake)), kid_subsets=2, kid_subset_size=1200, verbose=False
        )[metric_kid.KEY_METRIC_KID_MEAN]
    return found


def inception_score() -> dict[str, list[float]]:
    """Returns mean and standard deviation over ten parts, by number of examples."""
    found = {}
    for count in (1000, 1007):
        logits = torch.from_numpy(peer_inputs.logits(count))
        score = metric_isc.isc_features_to_metric(logits, splits=10, shuffle=False)
        found[f"inception_score/{count}"] = [
            score[metric_isc.KEY_METRIC_ISC_MEAN],
            score[metric_isc.KEY_METRIC_ISC_STD],
        ]
    return found


def manifold() -> dict[str, list[float]]:
    """Returns precision, recall, density and coverage by peer and number of neighbours."""
    real, fake = peer_inputs.small_features()
    found = {}
    for k in (3, 5):
        measures = prdc.compute_prdc(real, fake, nearest_k=k)
        names = "precision", "recall", "density", "coverage"
        found[f"manifold/prdc/{k}"] = [measures[name] for name in names]
    measures = metric_prc.prc_features_to_metric(
        *map(torch.from_numpy, (fake, real)), prc_neighborhood=3, verbose=False
    )
    found["manifold/torch_fidelity/3"] = [measures["precision"], measures["recall"]]
    return found


def inception() -> dict[str, np.ndarray]:
    """Returns the network's input, what its blocks make of it, features and logits.

    Input and blocks at `peer_inputs.positions`; of blocks mean and standard deviation by image too.
    """
    plain = torchvision.models.inception_v3(
        num_classes=1008, aux_logits=False, weights=None, init_weights=False
    )
    shapes = {
        name: tuple(value.shape)
        for name, value in plain.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    state = peer_inputs.inception_state(shapes)
    state = {name: torch.from_numpy(value) for name, value in state.items()}
    with tempfile.NamedTemporaryFile(suffix=".pth") as file:
        torch.save(state, file.name)
        network = FeatureExtractorInceptionV3(
            "inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=file.name
        )
    pytorch_fid.inception.load_state_dict_from_url = lambda *args, **kwargs: state
    other = pytorch_fid.inception.InceptionV3(resize_input=False, normalize_input=False).eval()

    seen: dict[str, list[torch.Tensor]] = {name: [] for name in ("input", *BLOCKS)}

    def keep(name: str, value: torch.Tensor) -> None:
        seen[name].append(value.clone())

    for name in BLOCKS:
        getattr(network, name).register_forward_hook(lambda *a, name=name: keep(name, a[2]))
    network.Conv2d_1a_3x3.register_forward_pre_hook(lambda _, args: keep("input", args[0]))

    features, logits = zip(
        *(network(torch.from_numpy(x).permute(2, 0, 1)[None]) for x in peer_inputs.images()),
        strict=True,
    )
    (other_features,) = other(torch.cat(seen["input"]))
    found = {
        "inception/shapes": np.array(json.dumps(shapes)),
        "inception/features": torch.cat(features).numpy(),
        "inception/logits": torch.cat(logits).numpy(),
        "inception/features_pytorch_fid": other_features[:, :, 0, 0].numpy(),
    }
    for name, parts in seen.items():
        value = torch.cat(parts).permute(0, 2, 3, 1).numpy()
        index = peer_inputs.positions(value.shape, 200 if name == "input" else 64)
        found[f"inception/{name}"] = value[index]
        if name != "input":
            found[f"inception/{name}/mean"] = value.mean((1, 2, 3), np.float64)
            found[f"inception/{name}/std"] = value.std((1, 2, 3), np.float64)
    return found


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    found = {**frechet(), **kernel(), **inception_score(), **manifold(), **inception()}
    np.savez_compressed(peer_inputs.RECORDING, **found)
