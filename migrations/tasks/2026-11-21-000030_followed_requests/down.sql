DROP TABLE followed_requests;
