DROP INDEX webhook_deliveries_user;
DROP INDEX mails_user;
DROP TABLE deleted_users;
