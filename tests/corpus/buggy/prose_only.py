# expect: static: cannot parse
Here is the reward function you asked for.
