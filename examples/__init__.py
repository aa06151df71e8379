"""Templates of plug-ins: an agent, a reward, a method and a scenario to copy and change."""
