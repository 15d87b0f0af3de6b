namespace Metering.Core;

/// <content>Suspending, closing and reopening.</content>
public static partial class Account
{
    private static Decision DecideStatus(AccountState state, SetStatus command, DateTimeOffset now)
    {
        var invalid = command.Status == AccountStatus.Active
            ? CommandRules.CheckText("reason", command.Reason, CommandRules.MaxDescription)
            : CommandRules.CheckReason(command.Reason);
        return invalid is not null ? invalid : Decision.Append(new StatusChanged
        {
            Sequence = state.Sequence + 1,
            TransactionNumber = state.TransactionNumber,
            CreatedAt = now,
            AppliedAt = now,
            Key = command.Key,
            Status = command.Status,
            Reason = command.Reason,
        });
    }

    private static void Apply(AccountState state, StatusChanged changed)
    {
        (state.Status, state.StatusReason) = (changed.Status, changed.Reason);
        state.ForgetPeriodFigures();
    }

    /// <summary>What keeps the account from spending and from handing out data; null for nothing.</summary>
    private static Refusal? NotUsable(AccountState state) => state.Status == AccountStatus.Suspended
        ? new Refusal(RefusalReason.AccountSuspended, $"The account is suspended: {state.StatusReason}")
        : Closed(state);

    /// <summary>What keeps the account from changing; null for nothing.</summary>
    private static Refusal? Closed(AccountState state) => state.Status == AccountStatus.Closed
        ? new Refusal(RefusalReason.AccountClosed, $"The account is closed: {state.StatusReason}")
        : null;
}
