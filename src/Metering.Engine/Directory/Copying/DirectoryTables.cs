using static Metering.Engine.ColumnChange;
using static Metering.Engine.SqlKind;

namespace Metering.Engine;

/// <summary>
/// Every table of the directory, in the order in which they are copied: first what never changes again, so that a target that went on by itself is
/// refused before anything of it is replaced. A test holds this list against the schemas.
/// </summary>
internal static class DirectoryTables
{
    private static readonly DirectoryTable Audit = new(
        "audit", 1, new("number", Number), new("at", Number), new("key_id", Text), new("actor", Text), new("action", Text), new("target", Text), new("summary", Text),
        new("request_id", Text)) { Row = "entry of the audit log", GivesNumbers = true };

    private static readonly DirectoryTable AuditOutcomes = new(
        "audit_outcomes", 1, new("number", Number), new("status", Number), new("code", Text), new("finished_at", Number)) { Row = "outcome in the audit log" };

    private static readonly DirectoryTable PlanVersions = new(
        "plan_versions", 2, new("plan", Text), new("version", Number), new("name", Text), new("allotment", Number), new("period_months", Number), new("unlimited", Number),
        new("level", Text), new("recorded_at", Number)) { Row = "version of a plan" };

    private static readonly DirectoryTable Sandboxes = new(
        "sandboxes", 1, new("account", Text), new("twin", Text), new("created_at", Number)) { Row = "sandbox of account" };

    private static readonly DirectoryTable Profiles = new(
        "profiles", 1, new("account", Text), new("email", Text, MayBecomeEmpty), new("first_name", Text, Any), new("last_name", Text, Any), new("company_name", Text, Any),
        new("company_website", Text, Any), new("created_at", Number)) { Row = "profile of account" };

    // A rotation lets the old key end sooner.
    private static readonly DirectoryTable ApiKeys = new(
        "api_keys", 1, new("number", Number), new("id", Text), new("account", Text), new("name", Text, MayBeErased), new("hash", Bytes), new("display", Text), new("scopes", Number),
        new("created_at", Number), new("expires_at", Number, Falls), new("revoked_at", Number, Rises)) { Row = "API key number", GivesNumbers = true };

    private static readonly DirectoryTable Coupons = new(
        "coupons", 1, new("code", Text), new("amount", Number), new("expires_at", Number, Any), new("bonus_days", Number), new("bonus_expires_at", Number),
        new("max_redemptions", Number, Any), new("redeemed", Number, Any), new("plans", Text), new("created_at", Number), new("deactivated_at", Number, Any)) { Row = "coupon" };

    // A slot that was given back may be taken anew.
    private static readonly DirectoryTable CouponRedemptions = new(
        "coupon_redemptions", 2, new("code", Text), new("account", Text), new("amount", Number, Any), new("bonus_expires_at", Number, Any), new("taken_at", Number, Any),
        new("attempts", Number, Rises), new("idempotency_key", Text, Any), new("granted_at", Number, Rises)) { Row = "coupon slot", MayGo = row => row is [.., 1L, _, null] };

    // Answers are forgotten after days, and their keys may then be used anew.
    private static readonly DirectoryTable KeptAnswers = new(
        "kept_answers", 2, new("account", Text), new("key", Bytes), new("request", Bytes, Any), new("answer", Text, Any), new("kept_at", Number, Any))
        { Row = "kept answer", MayGo = _ => true };

    private static readonly DirectoryTable Answers = new(
        "answers", 2, new("scope", Text), new("key_hash", Bytes), new("request_hash", Bytes, Any), new("started_at", Number, Any), new("attempts", Number, Any),
        new("status", Number, Any), new("body", Text, Any)) { Row = "kept answer", MayGo = _ => true };

    // A key leads to a document, and the documents are equal by then.
    private static readonly DirectoryTable PaymentKeys = new(
        "payment_keys", 2, new("kind", Text), new("key", Text), new("id", Text, Any)) { Row = "key of a payment document", MayGo = _ => true };

    /// <summary>The tables.</summary>
    /// <param name="passing">Kinds of payment documents that are removed once they are dealt with.</param>
    public static DirectoryTable[] All(IReadOnlyCollection<string> passing) =>
    [
        Profiles, ApiKeys, PlanVersions, Sandboxes, Audit, AuditOutcomes, Coupons, CouponRedemptions, KeptAnswers, Answers, PaymentDocuments(passing), PaymentKeys,
    ];

    private static DirectoryTable PaymentDocuments(IReadOnlyCollection<string> passing) => new(
        "payment_documents", 2, new("kind", Text), new("id", Text), new("version", Number, Rises), new("json", Text, Any), new("due_at", Number, Any))
    {
        Row = "payment document",
        PageRows = 16, // of up to 4 million characters each
        Clock = "version",
        MayGo = row => passing.Contains((string)row[0]!),
        IsPassing = row => passing.Contains((string)row[0]!),
    };
}
