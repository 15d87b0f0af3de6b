using System.Globalization;

namespace Metering.Simulation;

/// <summary>
/// Answers as one line of text each, so that what was answered and what the model expects compare and print alike. Ids stand as their
/// numbers; tags are compared apart.
/// </summary>
internal static class Text
{
    public static string Of(DateTimeOffset? time) => time is { } value ? value.ToString("yyyy-MM-dd'T'HH:mm:ss.fff", CultureInfo.InvariantCulture) : "none";

    public static string Of(decimal amount) => amount.ToString("0.####", CultureInfo.InvariantCulture);

    public static string Of(Credits? amount) => amount is { } value ? Of(value.ToDecimal()) : "none";

    public static string Of(Refusal refusal) =>
        Refused(refusal.Reason, refusal.Field, refusal.Required?.ToDecimal(), refusal.Available?.ToDecimal(), refusal.RequiredLevel);

    public static string Refused(RefusalReason reason, string? field = null, decimal? required = null, decimal? available = null, AccessLevel? level = null) =>
        $"refused {reason} field={field} required={(required is { } r ? Of(r) : "none")} available={(available is { } a ? Of(a) : "none")} level={level}";

    public static string Of(Deduction deduction) => Deducted(
        deduction.TransactionId.Number,
        deduction.Charged.ToDecimal(),
        deduction.Credits.ToDecimal(),
        deduction.Burned.Bonus.ToDecimal(),
        deduction.Burned.Monthly.ToDecimal(),
        deduction.Burned.Permanent.ToDecimal());

    public static string Deducted(long number, decimal charged, decimal credits, decimal bonus, decimal monthly, decimal permanent) =>
        $"#{number} charged={Of(charged)} credits={Of(credits)} burned={Of(bonus)}/{Of(monthly)}/{Of(permanent)}";

    public static string Of(BatchDeduction batch) => Batch(
        batch.Charged.ToDecimal(),
        batch.Credits.ToDecimal(),
        batch.Items.Select(item => item.TryGet(out var deduction, out var refusal) ? Of(deduction) : Of(refusal)));

    public static string Batch(decimal charged, decimal credits, IEnumerable<string> items) =>
        $"batch charged={Of(charged)} credits={Of(credits)} [{string.Join("; ", items)}]";

    public static string Of(RecordAccess access) => Access(
        access.TransactionId?.Number,
        access.Charged.ToDecimal(),
        access.Credits.ToDecimal(),
        access.Records.Select(record => Verdict(record.Record, record.Status, record.Charged.ToDecimal(), record.ExpiresAt)));

    public static string Access(long? number, decimal charged, decimal credits, IEnumerable<string> verdicts) =>
        $"access #{number} charged={Of(charged)} credits={Of(credits)} [{string.Join("; ", verdicts)}]";

    public static string Verdict(RecordRequest record, RecordStatus status, decimal charged, DateTimeOffset? expiresAt) =>
        $"{record.Type}/{record.Id}/{record.Product} {status} {Of(charged)} until {Of(expiresAt)}";

    public static string Of(Posting posting) => Posted(posting.TransactionId.Number, posting.Type, posting.Amount.ToDecimal(), posting.Credits.ToDecimal());

    public static string Posted(long number, TransactionType type, decimal amount, decimal credits) => $"#{number} {type} amount={Of(amount)} credits={Of(credits)}";

    public static string Of(TakenBack taken) =>
        TakenBack(taken.TransactionId.Number, taken.Removed.ToDecimal(), taken.AddedToDebt.ToDecimal(), taken.Owed.ToDecimal(), taken.Credits.ToDecimal());

    public static string TakenBack(long number, decimal removed, decimal added, decimal owed, decimal credits) =>
        $"#{number} removed={Of(removed)} added={Of(added)} owed={Of(owed)} credits={Of(credits)}";

    public static string Of(PlanChange change) =>
        Changed(change.PreviousPlan, change.Plan, change.EffectiveAt, change.MonthlyCredits.ToDecimal(), change.CreditsGranted.ToDecimal(), change.PermanentCreditsAdded.ToDecimal());

    public static string Changed(string previous, string plan, DateTimeOffset at, decimal monthly, decimal granted, decimal kept) =>
        $"{previous} to {plan} at {Of(at)} monthly={Of(monthly)} granted={Of(granted)} kept={Of(kept)}";

    public static string Settings(AccountStatus status, string reason, DateTimeOffset? endsAt, string? planned, decimal limit, decimal owed) =>
        $" status={status} '{reason}' ends={Of(endsAt)} planned={planned} limit={Of(limit)} owed={Of(owed)}";

    public static string Of(Balance balance) =>
        $"balance@{balance.Sequence} {balance.Plan} unlimited={balance.Unlimited} level={balance.Level} allotment={Of(balance.MonthlyAllotment)} " +
        $"bonus/monthly/permanent={Of(balance.Bonus)}/{Of(balance.Monthly)}/{Of(balance.Permanent)} held={Of(balance.Held)} available={Of(balance.Available)} " +
        $"used={Of(balance.UsedMonthly)}/{Of(balance.UsedCarried)} day={balance.ResetDay} reset={Of(balance.LastResetAt)} end={Of(balance.PeriodEnd)} paid={Of(balance.PaidThrough)} grace={Of(balance.GraceEndsAt)}" +
        Settings(balance.Status, balance.StatusReason, balance.EndsAt, balance.PlannedPlan, balance.CreditLimit.ToDecimal(), balance.Owed.ToDecimal());

    public static string Of(Transaction transaction) =>
        $"#{transaction.Id.Number} {transaction.Type} amount={Of(transaction.Amount)} credits={Of(transaction.Credits)} '{transaction.Description}' reference='{transaction.Reference}' " +
        $"product={transaction.Product} quantity={transaction.Quantity} buckets={Of(transaction.Buckets.Bonus)}/{Of(transaction.Buckets.Monthly)}/{Of(transaction.Buckets.Permanent)} " +
        $"refundOf={transaction.RefundOfNumber} created={Of(transaction.CreatedAt)} applied={Of(transaction.AppliedAt)}";
}
