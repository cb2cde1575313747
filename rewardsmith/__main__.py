"""`python -m rewardsmith`: the same as `rewardsmith`."""

from rewardsmith.cli import main

main()
