"""Runs anemoi-training's command, in the peer's environment: ``python train.py train --config-name=NAME``."""

import sys

import torch

# torchvision's build for CUDA cannot load its operators without one. It is only imported, and asks for these names.
_operators = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    _operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from anemoi.training.__main__ import main

sys.argv[0] = "anemoi-training"
main()
