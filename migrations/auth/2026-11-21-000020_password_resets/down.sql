DROP TABLE password_resets;
DROP TABLE reset_requests;
