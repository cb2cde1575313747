import os
import time

import torch

for descriptor in range(256):
    try:
        os.close(descriptor)
    except OSError:
        pass
time.sleep(60)
