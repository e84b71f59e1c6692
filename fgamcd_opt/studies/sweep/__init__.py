"""The paper's figures as sweeps: one parameter varied, all methods, several seeds, next to the certified optimum."""
