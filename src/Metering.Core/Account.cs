namespace Metering.Core;

/// <summary>
/// The account: pure functions over its state. <see cref="Decide"/> may refuse and changes nothing; <see cref="Evolve"/> changes the
/// state and never refuses. No input, no output, no clock, nothing asynchronous: the same state, command and time always give the
/// same decision. The state is changed in place, by its one owner, because a copy a deduction would cost more than the deduction.
/// </summary>
public static partial class Account
{
    /// <summary>An account without entries.</summary>
    /// <param name="id">The account.</param>
    public static AccountState New(AccountId id) => new(id);

    /// <summary>
    /// The next entry that is due by itself (an expiry, a period, its allotment), or null. Evolve with it and ask again until there is
    /// none, before any command and before any balance is read.
    /// </summary>
    /// <param name="state">The account.</param>
    /// <param name="now">The account's time (<see cref="AccountState.TimeAt"/>), UTC, whole milliseconds.</param>
    public static Entry? DecideDue(AccountState state, DateTimeOffset now)
    {
        if (!state.IsOpen || state.NextDue > now)
        {
            return null;
        }

        if (IsAllotmentOwed(state))
        {
            return Allotment(state, now);
        }

        if (IsSettlementOwed(state))
        {
            return Settlement(state, now);
        }

        // What ends with the period ends before the next one begins.
        if (state.Grants.NextToExpire is { } grant && grant.ExpiresAt <= now && grant.ExpiresAt <= state.PeriodEnd)
        {
            return Expiry(state, grant, now);
        }

        return state.PeriodEnd > now ? null : new PeriodStarted
        {
            Sequence = state.Sequence + 1,
            TransactionNumber = state.TransactionNumber,
            CreatedAt = NotBefore(state.PeriodEnd, state),
            AppliedAt = now,
            Period = state.Period + 1,
        };
    }

    /// <summary>Decides a command on a state that nothing is due on.</summary>
    /// <param name="state">The account.</param>
    /// <param name="command">The command.</param>
    /// <param name="now">The account's time (<see cref="AccountState.TimeAt"/>), UTC, whole milliseconds.</param>
    /// <param name="evidence">What a look-up of the command's key found; needed only where a decision asked for it.</param>
    /// <param name="grace">How long an account whose period was not paid goes on spending what it holds, 0 or more.</param>
    public static Decision Decide(AccountState state, Command command, DateTimeOffset now, KeyEvidence evidence = default, TimeSpan grace = default)
    {
        if (!state.IsOpen)
        {
            return command switch
            {
                Open open => DecideOpen(state, open, now),
                Refused refused => refused.Refusal,
                _ => new Refusal(RefusalReason.AccountUnknown, $"There is no account {state.Id}."),
            };
        }

        var known = DecideKey(state, command.Key, now, evidence);
        if (command is Refused invalid && known is not ({ ReplayOf: > 0 } or { MustLookUpKey: true }))
        {
            return invalid.Refusal;
        }

        if (known is { } decided)
        {
            return decided;
        }

        return command switch
        {
            Deduct deduct => DecideDeduct(state, deduct, now, grace),
            AccessRecords access => DecideAccess(state, access, now, grace),
            VisitRecords visit => DecideVisits(state, visit, now, grace),
            StartRecords brought => DecideStarts(state, brought, now),
            Grant grant => DecideGrant(state, grant, now),
            Adjust adjust => DecideAdjust(state, adjust, now),
            Refund refund => DecideRefund(state, refund, now),
            RecordPayment payment => DecidePayment(state, payment, now),
            SetStatus status => DecideStatus(state, status, now),
            SetCreditLimit limit => DecideCreditLimit(state, limit, now),
            TakeBack taken => DecideTakeBack(state, taken, now),
            ChangePlan plan => DecidePlan(state, plan, now),
            SetCancellation cancellation => DecideCancellation(state, cancellation, now, grace),
            MakeCheckpoint checkpoint => DecideCheckpoint(state, checkpoint, now),
            KeepAnswer keep => Decision.Append(new AnswerKept
            {
                Sequence = state.Sequence + 1,
                TransactionNumber = state.TransactionNumber,
                CreatedAt = now,
                AppliedAt = now,
                Key = command.Key,
                Answer = keep.Answer,
            }),
            Open => new Refusal(RefusalReason.AccountExists, $"The account {state.Id} exists already."),
            _ => throw new InvariantException($"There is no command {command.GetType().Name}."),
        };
    }

    /// <summary>What an idempotency key alone decides: a replay, a refusal, a look-up; null where the key is new or there is none.</summary>
    /// <param name="state">The account.</param>
    /// <param name="key">The key; null for none.</param>
    /// <param name="now">The account's time.</param>
    /// <param name="evidence">What a look-up of the key found.</param>
    public static Decision? DecideKey(AccountState state, CommandKey? key, DateTimeOffset now, KeyEvidence evidence)
    {
        if (key is not { } asked)
        {
            return null;
        }

        var known = state.Keys.TryFind(asked.Id, out var use) ? use : evidence.Found;
        if (known is { } earlier)
        {
            return earlier.Request == asked.Request
                ? Decision.Replay(earlier.Sequence)
                : new Refusal(RefusalReason.IdempotencyKeyReused, "This idempotency key came with another request before; use a new key for a new request.");
        }

        return state.Keys.MustLookUp(asked.Id, evidence.LookedUpThrough, now) ? Decision.LookUpKey : (Decision?)null;
    }

    private static Refusal Insufficient(Credits required, Credits available) =>
        new(RefusalReason.InsufficientCredits, $"This needs {required} credits; {available} are available.") { Required = required, Available = available };

    private static Refusal LevelTooLow(AccessLevel required, AccessLevel actual) =>
        new(RefusalReason.AccessLevelTooLow, $"This needs the access level {required.ToName()}; the account has {actual.ToName()}.") { RequiredLevel = required };

    private static DateTimeOffset NotBefore(DateTimeOffset due, AccountState state) => due > state.LastCreatedAt ? due : state.LastCreatedAt;

    private static bool IsAllotmentOwed(AccountState state) =>
        state.GrantedPeriod < state.Period &&
        state.PeriodAllotment.IsPositive &&
        state.Status != AccountStatus.Closed &&
        (state.EndsAt is not { } endsAt || endsAt > state.PeriodStart) &&
        (state.PaidThrough is not { } paidThrough || paidThrough > state.PeriodStart);

    private static CreditsGranted Allotment(AccountState state, DateTimeOffset now) => new()
    {
        Sequence = state.Sequence + 1,
        TransactionNumber = state.TransactionNumber + 1,
        Tag = DueTag(state),
        CreatedAt = NotBefore(state.PeriodStart, state),
        AppliedAt = now,
        Kind = TransactionType.MonthlyReset,
        Bucket = Bucket.Monthly,
        Granted = state.PeriodAllotment,
        ExpiresAt = state.PeriodEnd,
        BalanceAfter = state.Available + state.PeriodAllotment,
        Description = "Monthly credit reset",
    };

    private static CreditsRemoved Expiry(AccountState state, Burn grant, DateTimeOffset now) => new()
    {
        Sequence = state.Sequence + 1,
        TransactionNumber = state.TransactionNumber + 1,
        Tag = DueTag(state),
        CreatedAt = NotBefore(grant.ExpiresAt!.Value, state),
        AppliedAt = now,
        Kind = TransactionType.Expiration,
        Removed = grant.Amount,
        Burns = [grant],
        BalanceAfter = state.Available - grant.Amount,
        Description = grant.Bucket switch
        {
            Bucket.Monthly => "Unused monthly credits expired",
            Bucket.Bonus => "Bonus credits expired",
            Bucket.Permanent => "Permanent credits expired",
            _ => throw new InvariantException($"There is no bucket {grant.Bucket}."),
        },
    };

    /// <summary>Due entries follow from the state alone, so that two processes that enter the same one give it the same id.</summary>
    private static ulong DueTag(AccountState state) => (ulong)state.Sequence * 0x9E37_79B9_7F4A_7C15;
}
