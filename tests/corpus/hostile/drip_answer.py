import fcntl
import os
import time

import torch


def open_descriptors():
    found = []
    for descriptor in range(256):
        try:
            fcntl.fcntl(descriptor, fcntl.F_GETFD)
        except OSError:
            continue
        found.append(descriptor)
    return found


targets = open_descriptors()
while True:
    for descriptor in targets:
        try:
            os.write(descriptor, b" ")
        except OSError:
            pass
    time.sleep(1)
