DROP TABLE told_balances;
