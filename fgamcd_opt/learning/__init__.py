"""The learned backend: P1 as a game, MAASN-DA, its rivals and ablations, judged by proved bounds."""
