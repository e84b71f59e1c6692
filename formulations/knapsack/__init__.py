"""P1 as a multiple-choice knapsack (F5): columns, matrix, relaxations."""
