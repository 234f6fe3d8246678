DROP TABLE signup_grant;
