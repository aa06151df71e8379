"""Send curves and results elsewhere too: TensorBoard, Weights & Biases (offline), trackio."""

from __future__ import annotations

from goldenrule.benchmarks.engines.loggers.base import KINDS, Logged, Logger, logger_from

__all__ = ["KINDS", "Logged", "Logger", "logger_from"]
