Here is the reward function you asked for.
