namespace Metering.Gateway.Payments;

/// <summary>Accounts whose cards are not charged: an operator suspended or closed them.</summary>
internal static class BlockedAccount
{
    /// <summary>Why an account must not be charged; null where it may.</summary>
    public static Failure? Find(Balance balance) => balance.Status switch
    {
        AccountStatus.Active => null,
        AccountStatus.Suspended => Failure.Of(new Refusal(RefusalReason.AccountSuspended, $"The account is suspended: {balance.StatusReason} Nothing was charged.")),
        AccountStatus.Closed => Failure.Of(new Refusal(RefusalReason.AccountClosed, $"The account is closed: {balance.StatusReason} Nothing was charged.")),
        _ => throw new ArgumentOutOfRangeException(nameof(balance), balance.Status, "There is no such status."),
    };
}
