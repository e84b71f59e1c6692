"""P1 as a decentralised partially observed game: agents are nodes, a step is a block, the team shares one reward."""
