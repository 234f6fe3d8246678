-- What task-api gives to each new user, as it told last: what is shown of the user's credits until it tells of the user's own balance.
CREATE TABLE signup_grant (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    credits bigint NOT NULL CHECK (credits >= 0)
);
