DROP INDEX task_states_ended;
