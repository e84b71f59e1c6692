"""Networks of the learners; those of all agents are stacked along a first axis, so that no loop runs over agents."""
