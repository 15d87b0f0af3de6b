namespace Metering.Engine;

/// <summary>The tables of operators in the directory's file: coupons, the audit log, versions of plans, sandboxes, answers to idempotency keys.</summary>
internal static class OperatorSchema
{
    /// <summary>Makes the tables; credits are in ten-thousandths, times in Unix milliseconds.</summary>
    public const string Tables =
        """
        CREATE TABLE coupons (
            code             TEXT PRIMARY KEY NOT NULL,
            amount           INTEGER NOT NULL,
            expires_at       INTEGER,
            bonus_days       INTEGER,
            bonus_expires_at INTEGER,
            max_redemptions  INTEGER,
            redeemed         INTEGER NOT NULL DEFAULT 0, -- slots taken; never above max_redemptions
            plans            TEXT,                       -- separated by commas; NULL for all
            created_at       INTEGER NOT NULL,
            deactivated_at   INTEGER,
            CHECK (max_redemptions IS NULL OR redeemed <= max_redemptions)
        );

        CREATE TABLE coupon_redemptions (
            code             TEXT NOT NULL,
            account          TEXT NOT NULL,
            amount           INTEGER NOT NULL,
            bonus_expires_at INTEGER,
            taken_at         INTEGER NOT NULL,
            attempts         INTEGER NOT NULL,
            idempotency_key  TEXT, -- of the request that took the slot
            granted_at       INTEGER,
            PRIMARY KEY (code, account)
        );
        CREATE INDEX coupon_redemptions_pending ON coupon_redemptions (code, account) WHERE granted_at IS NULL;

        CREATE TABLE audit (
            number     INTEGER PRIMARY KEY,
            at         INTEGER NOT NULL,
            key_id     TEXT NOT NULL,
            actor      TEXT NOT NULL,
            action     TEXT NOT NULL,
            target     TEXT,
            summary    TEXT NOT NULL,
            request_id TEXT NOT NULL
        );
        CREATE INDEX audit_by_target ON audit (target, number);
        CREATE INDEX audit_by_actor ON audit (actor, number);

        CREATE TABLE audit_outcomes (
            number      INTEGER PRIMARY KEY REFERENCES audit (number),
            status      INTEGER NOT NULL,
            code        TEXT,
            finished_at INTEGER NOT NULL
        );

        CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
        CREATE TRIGGER audit_keeps_words BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
        CREATE TRIGGER audit_outcomes_keeps_rows BEFORE DELETE ON audit_outcomes BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
        CREATE TRIGGER audit_outcomes_keeps_words BEFORE UPDATE ON audit_outcomes BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

        CREATE TABLE plan_versions (
            plan          TEXT NOT NULL,
            version       INTEGER NOT NULL,
            name          TEXT NOT NULL,
            allotment     INTEGER NOT NULL,
            period_months INTEGER NOT NULL,
            unlimited     INTEGER NOT NULL,
            level         TEXT NOT NULL,
            recorded_at   INTEGER NOT NULL,
            PRIMARY KEY (plan, version)
        );

        CREATE TABLE sandboxes (
            account    TEXT PRIMARY KEY NOT NULL,
            twin       TEXT NOT NULL UNIQUE,
            created_at INTEGER NOT NULL
        );

        CREATE TABLE answers (
            scope        TEXT NOT NULL,
            key_hash     BLOB NOT NULL,
            request_hash BLOB NOT NULL,
            started_at   INTEGER NOT NULL,
            attempts     INTEGER NOT NULL,
            status       INTEGER,
            body         TEXT,
            PRIMARY KEY (scope, key_hash)
        );
        CREATE INDEX answers_by_age ON answers (started_at);
        """;

    /// <summary>Indexes over the profiles, by which operators search.</summary>
    public const string ProfileIndexes =
        """
        CREATE INDEX profiles_by_email ON profiles (lower(email), account);
        CREATE INDEX profiles_by_company ON profiles (lower(company_name), account);
        """;
}
