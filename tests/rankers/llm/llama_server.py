"""llama.cpp's server as a process of its own: python llama_server.py MODEL.gguf TOKENS; it writes its address.

It ends with the process that started it, whose end closes its standard input.
"""

import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path, params.n_ctx = sys.argv[1], int(sys.argv[2])
params.port = 0  # a free one
params.n_parallel = params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.warmup = False
server = xllamacpp.Server(params)
sys.stdout.write(f"{server.listening_address}\n")
sys.stdout.flush()
sys.stdin.read()
