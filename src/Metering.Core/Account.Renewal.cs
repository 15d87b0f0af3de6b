namespace Metering.Core;

/// <content>
/// Until when an unpaid or cancelled subscription lets an account spend. The grace period is the shell's setting and no fact of the ledger:
/// it is passed into each decision, so that a replay does not depend on it and a change of it takes effect at once.
/// </content>
public static partial class Account
{
    private const string Instant = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    /// <summary>The end of the grace period of what is unpaid from an instant on; the last instant there is where the calendar ends before it.</summary>
    /// <param name="paidThrough">Paid up to here.</param>
    /// <param name="grace">How long spending goes on, 0 or more.</param>
    internal static DateTimeOffset GraceEnd(DateTimeOffset paidThrough, TimeSpan grace) =>
        paidThrough < DateTimeOffset.MaxValue - grace ? paidThrough + grace : DateTimeOffset.MaxValue;

    /// <summary>True where spending waits for a renewal: the cancelled subscription is over, or what was paid is, and its grace period.</summary>
    private static bool IsInactive(AccountState state, DateTimeOffset now, TimeSpan grace) => now >= state.EndsAt || now >= SpendsThrough(state, grace);

    /// <summary>
    /// Until when an account spends that pays no more; null where it is not billed. A payment is waited for where one can be expected, so not
    /// for a subscription that was cancelled; suspended and closed accounts are refused before.
    /// </summary>
    private static DateTimeOffset? SpendsThrough(AccountState state, TimeSpan grace) => state.PaidThrough is not { } paid ? null
        : state.EndsAt is not null ? paid
        : GraceEnd(paid, grace);

    /// <summary>True where there is nothing left to cancel. Within the grace period there is, also for the second time.</summary>
    private static bool IsOver(AccountState state, DateTimeOffset now, TimeSpan grace) =>
        now >= state.EndsAt || (state.PaidThrough is { } paid && now >= GraceEnd(paid, grace));

    private static Refusal Inactive(AccountState state, TimeSpan grace) => new(
        RefusalReason.SubscriptionInactive,
        (state.EndsAt is { } endsAt
            ? state.PaidThrough < endsAt
                ? $"The subscription was cancelled and is unpaid since {Text(state.PaidThrough)}; renew it to spend again."
                : $"The subscription was cancelled and ended on {Text(endsAt)}; renew it to spend again."
            : grace > TimeSpan.Zero
                ? $"The subscription is unpaid since {Text(state.PaidThrough)}, and its grace period ended on {Text(GraceEnd(state.PaidThrough!.Value, grace))}; pay the open invoice to spend again."
                : $"The subscription is unpaid since {Text(state.PaidThrough)}; pay the open invoice to spend again.")
        + " Reads go on, and nothing is deleted.");

    private static string Text(DateTimeOffset? instant) => instant!.Value.ToString(Instant, System.Globalization.CultureInfo.InvariantCulture);
}
