"""The learner: PPO for a whole population at once (`ppo.py`), and what a policy is (`policy.py`)."""
