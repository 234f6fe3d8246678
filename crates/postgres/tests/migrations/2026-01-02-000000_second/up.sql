SELECT pg_sleep(0.3); CREATE TABLE second (id bigint PRIMARY KEY);
