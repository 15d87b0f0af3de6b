-- Answers to requests that made a key, without the key, for their retries.
CREATE TABLE metering.kept_answers (
    account text COLLATE "C" NOT NULL,
    key     bytea NOT NULL, -- SHA-256 of the idempotency key
    request bytea NOT NULL,
    answer  text NOT NULL,
    kept_at bigint NOT NULL,
    PRIMARY KEY (account, key)
);
CREATE INDEX kept_answers_by_age ON metering.kept_answers (kept_at);
