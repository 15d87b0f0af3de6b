-- What operators keep beside the directory: coupons, the audit log, versions of plans, sandboxes, answers to idempotency keys. Credits are in
-- ten-thousandths, times in Unix milliseconds.

CREATE TABLE metering.coupons (
    code             text COLLATE "C" PRIMARY KEY,
    amount           bigint NOT NULL,
    expires_at       bigint,
    bonus_days       bigint,
    bonus_expires_at bigint,
    max_redemptions  bigint,
    redeemed         bigint NOT NULL DEFAULT 0, -- slots taken; never above max_redemptions
    plans            text,                      -- separated by commas; NULL for all
    created_at       bigint NOT NULL,
    deactivated_at   bigint,
    CHECK (max_redemptions IS NULL OR redeemed <= max_redemptions)
);

CREATE TABLE metering.coupon_redemptions (
    code             text COLLATE "C" NOT NULL,
    account          text COLLATE "C" NOT NULL,
    amount           bigint NOT NULL,
    bonus_expires_at bigint,
    taken_at         bigint NOT NULL,
    attempts         bigint NOT NULL,
    idempotency_key  text, -- of the request that took the slot
    granted_at       bigint,
    PRIMARY KEY (code, account)
);
CREATE INDEX coupon_redemptions_pending ON metering.coupon_redemptions (code, account) WHERE granted_at IS NULL;

CREATE TABLE metering.audit (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         bigint NOT NULL,
    key_id     text NOT NULL,
    actor      text COLLATE "C" NOT NULL,
    action     text NOT NULL,
    target     text COLLATE "C",
    summary    text NOT NULL,
    request_id text NOT NULL
);
CREATE INDEX audit_by_target ON metering.audit (target, number);
CREATE INDEX audit_by_actor ON metering.audit (actor, number);

CREATE TABLE metering.audit_outcomes (
    number      bigint PRIMARY KEY REFERENCES metering.audit (number),
    status      bigint NOT NULL,
    code        text,
    finished_at bigint NOT NULL
);

CREATE FUNCTION metering.refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON metering.audit
    FOR EACH STATEMENT EXECUTE FUNCTION metering.refuse_change_of_audit();
CREATE TRIGGER audit_outcomes_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON metering.audit_outcomes
    FOR EACH STATEMENT EXECUTE FUNCTION metering.refuse_change_of_audit();

CREATE TABLE metering.plan_versions (
    plan          text COLLATE "C" NOT NULL,
    version       bigint NOT NULL,
    name          text NOT NULL,
    allotment     bigint NOT NULL,
    period_months bigint NOT NULL,
    unlimited     bigint NOT NULL,
    level         text NOT NULL,
    recorded_at   bigint NOT NULL,
    PRIMARY KEY (plan, version)
);

CREATE TABLE metering.sandboxes (
    account    text COLLATE "C" PRIMARY KEY,
    twin       text COLLATE "C" NOT NULL UNIQUE,
    created_at bigint NOT NULL
);

CREATE TABLE metering.answers (
    scope        text COLLATE "C" NOT NULL,
    key_hash     bytea NOT NULL,
    request_hash bytea NOT NULL,
    started_at   bigint NOT NULL,
    attempts     bigint NOT NULL,
    status       bigint,
    body         text,
    PRIMARY KEY (scope, key_hash)
);
CREATE INDEX answers_by_age ON metering.answers (started_at);

-- Operators search by these; texts are compared by their bytes.
CREATE INDEX profiles_by_email ON metering.profiles ((lower(email) COLLATE "C"), account);
CREATE INDEX profiles_by_company ON metering.profiles ((lower(company_name) COLLATE "C"), account);
