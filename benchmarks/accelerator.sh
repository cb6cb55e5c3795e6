#!/usr/bin/env bash
# What has to be seen on an accelerator: parity with the processor, then the records of results/performance/devices.jsonl.
set -e
cd "$(dirname "$0")/.."
python="${PYTHON:-python}"
"$python" -m pytest -q -rs tests/rankers/test_device.py
"$python" benchmarks/all.py --only devices
