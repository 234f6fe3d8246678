DROP TABLE wrong_codes;
DROP TABLE sign_in_codes;
