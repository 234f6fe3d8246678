DROP TABLE contacts;
DROP TABLE mails;
