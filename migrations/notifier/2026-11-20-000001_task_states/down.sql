DROP TABLE task_states;
