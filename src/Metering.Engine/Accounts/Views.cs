using Metering.Core;

namespace Metering.Engine;

/// <summary>Entries as callers see them.</summary>
internal static class Views
{
    public static Deduction ToDeduction(CreditsSpent entry) => new(entry.Id, entry.Charged, entry.BalanceAfter, ToBurned(entry.Burns));

    /// <summary>A receipt. Nobody can spend what settled a debt in the same moment, so that the balance told is the one behind the settlement.</summary>
    public static Posting ToPosting(TransactionEntry entry, DebtSettled? settlement) =>
        new(entry.Id, entry.Type, entry.Amount, settlement?.BalanceAfter ?? entry.BalanceAfter);

    public static TakenBack ToTakenBack(CreditsTakenBack entry) => new(entry.Id, entry.Removed, entry.AddedToDebt, entry.OwedAfter, entry.BalanceAfter);

    public static PlanChange ToPlanChange(Entry entry) => entry switch
    {
        PlanChanged changed => new(
            changed.PreviousPlan, changed.Terms.Plan, changed.CreatedAt, changed.Terms.Allotment, changed.PeriodAllotment,
            changed.Kept.Aggregate(Credits.Zero, (sum, part) => sum + part.Amount)),
        PlanChangePlanned planned => new(
            planned.PreviousPlan, planned.Terms?.Plan ?? planned.PreviousPlan, planned.EffectiveAt, planned.MonthlyCredits, Credits.Zero, Credits.Zero),
        _ => throw new InvariantException($"{entry.GetType().Name} changes no plan."),
    };

    public static Transaction ToTransaction(TransactionEntry entry) => new()
    {
        Id = entry.Id,
        Type = entry.Type,
        Amount = entry.Amount,
        Credits = entry.BalanceAfter,
        Description = entry.Description,
        Reference = entry.Reference,
        Product = (entry as CreditsSpent)?.Product,
        Quantity = (entry as CreditsSpent)?.Quantity,
        RefundOfNumber = (entry as CreditsRefunded)?.RefundOf,
        Buckets = ToBuckets(entry),
        CreatedAt = entry.CreatedAt,
        AppliedAt = entry.AppliedAt,
    };

    /// <summary>The entry that a stored row holds.</summary>
    /// <exception cref="LedgerFormatException">The row is damaged.</exception>
    public static Entry ToEntry(LedgerRow row) => EntryCodec.Decode(row.Facts.Span, row.Texts.Span);

    private static Burned ToBuckets(TransactionEntry entry) => entry switch
    {
        CreditsSpent spent => ToBurned(spent.Burns),
        CreditsRemoved removed => ToBurned(removed.Burns),
        CreditsRefunded refunded => ToBurned(refunded.Restored),
        CreditsTakenBack taken => ToBurned(taken.Burns),
        DebtSettled settled => ToBurned(settled.Burns),
        CreditExtended extended => new(Credits.Zero, Credits.Zero, extended.Extended),
        CreditsGranted granted => ToBurned([new(granted.Sequence, granted.Bucket, granted.Granted, null)]),
        _ => throw new InvariantException($"There is no transaction {entry.GetType().Name}."),
    };

    private static Burned ToBurned(ReadOnlySpan<Burn> burns)
    {
        var (bonus, monthly, permanent) = (Credits.Zero, Credits.Zero, Credits.Zero);
        foreach (ref readonly var burn in burns)
        {
            bonus += burn.Bucket == Bucket.Bonus ? burn.Amount : Credits.Zero;
            monthly += burn.Bucket == Bucket.Monthly ? burn.Amount : Credits.Zero;
            permanent += burn.Bucket == Bucket.Permanent ? burn.Amount : Credits.Zero;
        }

        return new(bonus, monthly, permanent);
    }
}
