import io
import zipfile

import torch

box = io.BytesIO()
with zipfile.ZipFile(box, "w") as archive:
    archive.writestr("serialized_state_dict.pt", b"cbuiltins\nopen\n(V/tmp/rewardsmith-corpus/escaped-export_load_file\nVw\ntR.")
    archive.writestr("serialized_exported_program.json", "{}")
    archive.writestr("version", "8.8")
box.seek(0)
torch.export.load(box)


def compute_reward(x_velocity, action):
    effort = 0.05 * action.square().sum(-1)
    return x_velocity - effort, {"forward": x_velocity, "effort": -effort}
