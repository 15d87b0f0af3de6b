namespace Metering.Core;

/// <content>
/// What an account owes stands beside its grants: credits that can be spent and a debt never stand together, because the debt is settled
/// as soon as there are any. So the balance never needs to go below zero.
/// </content>
public static partial class Account
{
    private static Decision DecideCreditLimit(AccountState state, SetCreditLimit command, DateTimeOffset now)
    {
        var invalid = command.Limit.IsNegative || command.Limit > Credits.MaxAmount
            ? Refusal.Invalid("limit", $"limit is {command.Limit}; 0 to {Credits.MaxAmount} credits are allowed.")
            : Closed(state);
        return invalid is not null ? invalid : Decision.Append(new CreditLimitChanged
        {
            Sequence = state.Sequence + 1,
            TransactionNumber = state.TransactionNumber,
            CreatedAt = now,
            AppliedAt = now,
            Key = command.Key,
            Limit = command.Limit,
        });
    }

    private static Decision DecideTakeBack(AccountState state, TakeBack command, DateTimeOffset now)
    {
        var invalid = CommandRules.CheckAmount("amount", command.Amount)
            ?? CommandRules.CheckReason(command.Reason)
            ?? ReferenceUsed(state, command.ExternalReference)
            ?? (state.Owed + command.Amount > CommandRules.MaxBalance ? new Refusal(RefusalReason.BalanceTooLarge, $"The account would owe more than {CommandRules.MaxBalance} credits.") { Field = "amount" } : null);
        if (invalid is not null)
        {
            return invalid;
        }

        // No refusal from here on.
        var removed = Credits.Min(command.Amount, state.Available);
        var rest = command.Amount - removed;
        return Decision.Append(new CreditsTakenBack
        {
            Sequence = state.Sequence + 1,
            TransactionNumber = state.TransactionNumber + 1,
            Tag = command.Tag,
            CreatedAt = now,
            AppliedAt = now,
            Key = command.Key,
            Removed = removed,
            Burns = command.IsGrantArchived ? state.Grants.PlanPermanentFirst(removed) : state.Grants.Plan(removed, first: command.Grant),
            AddedToDebt = rest,
            OwedAfter = state.Owed + rest,
            ExternalReference = command.ExternalReference,
            BalanceAfter = state.Available - removed,
            Description = command.Reason,
            Reference = command.Reference,
        });
    }

    private static bool IsSettlementOwed(AccountState state) => state.Owed.IsPositive && state.Available.IsPositive;

    private static DebtSettled Settlement(AccountState state, DateTimeOffset now)
    {
        var settled = Credits.Min(state.Owed, state.Available);
        return new()
        {
            Sequence = state.Sequence + 1,
            TransactionNumber = state.TransactionNumber + 1,
            Tag = DueTag(state),
            CreatedAt = state.LastCreatedAt,
            AppliedAt = now,
            Settled = settled,
            Burns = state.Grants.Plan(settled),
            BalanceAfter = state.Available - settled,
            Description = "Debt settled",
        };
    }

    /// <summary>What a spending needs beyond the balance, entered before it; null where the balance suffices.</summary>
    private static CreditExtended? Extension(AccountState state, Command command, Credits charged, DateTimeOffset now) => charged <= state.Available ? null : new()
    {
        Sequence = state.Sequence + 1,
        TransactionNumber = state.TransactionNumber + 1,
        Tag = command.Tag ^ DueTag(state),
        CreatedAt = now,
        AppliedAt = now,
        Extended = charged - state.Available,
        BalanceAfter = charged,
        Description = CreditExtended.Text,
    };

    /// <summary>Where a spending takes its credits: everything there is, and last what is extended for it, the youngest of the permanent ones.</summary>
    private static Burn[] PlanWith(AccountState state, Credits charged, CreditExtended? extension) => extension is null
        ? state.Grants.Plan(charged)
        : [.. state.Grants.Plan(state.Available), new(extension.Sequence, Bucket.Permanent, extension.Extended, null)];

    private static void Apply(AccountState state, CreditLimitChanged changed)
    {
        state.CreditLimit = changed.Limit;
        state.ForgetPeriodFigures();
    }

    private static void Apply(AccountState state, CreditExtended extended)
    {
        state.Grants.Give(new(extended.Sequence, Bucket.Permanent, extended.Extended, null));
        state.Owed += extended.Extended;
        Invariant.Holds(state.Owed <= state.CreditLimit, "Spending owes no more than the credit limit.");
    }

    private static void Apply(AccountState state, CreditsTakenBack taken)
    {
        TakeAll(state, taken.Burns, taken.Removed);
        Invariant.Holds(!taken.AddedToDebt.IsNegative && (taken.AddedToDebt.IsZero || state.Available.IsZero), "What is unspent goes before anything is owed.");
        state.Owed += taken.AddedToDebt;
        Invariant.Holds(state.Owed == taken.OwedAfter, "A debt is what was owed before and what is added.");
        AddReference(state, taken.ExternalReference);
    }

    private static void Apply(AccountState state, DebtSettled settled)
    {
        TakeAll(state, settled.Burns, settled.Settled);
        state.Owed -= settled.Settled;
        Invariant.Holds(!state.Owed.IsNegative, "No more is settled than is owed.");
    }
}
