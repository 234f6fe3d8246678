-- Counts a failure at the door KEYS[1], if it is open; returns the milliseconds that one still has to wait.
return count(KEYS)
